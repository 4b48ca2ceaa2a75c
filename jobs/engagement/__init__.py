"""Engagement per video and day, active users, retention: pure steps of the stage `jobs.measure_engagement`."""
