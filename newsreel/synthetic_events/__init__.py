"""Synthetic events of the lake from a seed: users log in, watch, like, comment, post and follow, Zipf-distributed."""

from newsreel.synthetic_events.event_stream import EventStream

__all__ = ["EventStream"]
