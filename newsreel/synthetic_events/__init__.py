"""A day of life, made from a seed: people log in, watch, like, comment, post and follow, as Zipf has it."""

from newsreel.synthetic_events.arrival import Life

__all__ = ["Life"]
