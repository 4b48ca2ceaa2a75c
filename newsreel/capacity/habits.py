"""Habits of users: how many there are and what each does in a day; every figure with unit, default and source.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields

from schemas.errors import InputError

YOUTUBE_2017 = (
    "YouTube, 2017: 1e9 hours watched a day, 400 hours uploaded a minute (blog, 27 February), "
    "1.5e9 people a month (blog, 22 June)"
)
FACEBOOK_2012 = "Facebook, 2012: 2e9 likes and 1e9 comments a day by 526e6 daily users (IPO roadshow, May)"
PHOTOS_2013 = (
    "Huang et al., An Analysis of Facebook Photo Caching, SOSP 2013: 20.0 of the 34.5 % that pass browsers"
)
ASSUMED = "assumed"
PER_DAY = "per user and day"


def _declare_habit(default: float, unit: str, what: str, source: str = ASSUMED) -> float:
    habit: float = field(default=default, metadata={"unit": unit, "what": what, "source": source})
    return habit


@dataclass(frozen=True)
class Habits:
    """Assumptions about users and about storage. Raises InputError for values out of range."""

    dau: float = _declare_habit(1_000_000, "users", "Daily active users.")
    sessions: float = _declare_habit(4, PER_DAY, "Sessions.")
    reads: float = _declare_habit(25, "per session", "Read requests: feed, search, video pages, comments.")
    writes: float = _declare_habit(
        1, "per session", "Write requests other than the actions below: log-in, notifications."
    )
    views: float = _declare_habit(5, PER_DAY, "Videos watched.")
    watch_minutes: float = _declare_habit(
        8, "minutes per view", "Watch time; with 5 views 40 minutes a day.", YOUTUBE_2017
    )
    reports: float = _declare_habit(1.2, "per view", "Times that a player reports the watch time.")
    uploads: float = _declare_habit(
        0.0023, PER_DAY, "Videos uploaded; 0.58 minutes for 1,000 watched.", YOUTUBE_2017
    )
    upload_minutes: float = _declare_habit(10, "minutes", "Mean length of an uploaded video.")
    likes: float = _declare_habit(3.8, PER_DAY, "Likes and dislikes.", FACEBOOK_2012)
    comments: float = _declare_habit(1.9, PER_DAY, "Comments.", FACEBOOK_2012)
    posts: float = _declare_habit(0.5, PER_DAY, "Posts.")
    follows: float = _declare_habit(0.2, PER_DAY, "Follows and friendships.")
    other_events: float = _declare_habit(
        10, PER_DAY, "Events other than one per action: log-ins, a video's counters once a second."
    )
    peak: float = _declare_habit(2, "times the mean", "Rate in the busiest minutes of a day.")
    edge_share: float = _declare_habit(
        0.58, "of bytes watched", "Hit ratio of the edge cache, 0 to 1.", PHOTOS_2013
    )
    replication: float = _declare_habit(3, "copies", "Copies of every stored byte.", "HDFS's default")
    retention_days: float = _declare_habit(
        7, "days", "Retention of the outbox.", "the default of NEWSREEL_RETENTION_DAYS"
    )
    refreshes: float = _declare_habit(
        144, "per day", "Refreshes of the tables.", "they promise to be fresh within 600 s (docs/tables)"
    )

    def __post_init__(self) -> None:
        """Validate every figure."""
        for habit in list_habits():
            value = getattr(self, habit.name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"Invalid {to_option(habit.name)} {value:g}: must be a number of at least 0")
        for name in ("dau", "peak", "replication"):
            if getattr(self, name) < 1:
                raise InputError(f"Invalid {to_option(name)} {getattr(self, name):g}: must be at least 1")
        if self.edge_share > 1:
            raise InputError(f"Invalid --edge-share {self.edge_share:g}: must be a share from 0 to 1")


def list_habits() -> Iterator[Field[float]]:
    """List the habits, with `unit`, `what` and `source` in their metadata."""
    yield from fields(Habits)


def to_option(name: str) -> str:
    """Convert a habit's name to its command-line option."""
    return f"--{name.replace('_', '-')}"
