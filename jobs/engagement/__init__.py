"""Engagement per video and day, active users, retention."""
