"""How many people there are and what each of them does in a day: each figure with its unit, default and source."""

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


def _habit(default: float, unit: str, what: str, source: str = ASSUMED) -> float:
    found: float = field(default=default, metadata={"unit": unit, "what": what, "source": source})
    return found


@dataclass(frozen=True)
class Habits:
    """What is assumed of people and of how bytes are kept. Raises InputError for what cannot be."""

    dau: float = _habit(1_000_000, "users", "Daily active users.")
    sessions: float = _habit(4, PER_DAY, "Visits.")
    reads: float = _habit(25, "per session", "Requests that read: feed, search, pages of videos, comments.")
    writes: float = _habit(
        1, "per session", "Requests that write, beside those below: log-in, notifications."
    )
    views: float = _habit(5, PER_DAY, "Videos watched.")
    watch_minutes: float = _habit(
        8, "minutes per view", "How long; with 5 views 40 minutes a day.", YOUTUBE_2017
    )
    reports: float = _habit(1.2, "per view", "Times that a player tells how long was watched.")
    uploads: float = _habit(0.0023, PER_DAY, "Videos uploaded; 0.58 minutes for 1,000 watched.", YOUTUBE_2017)
    upload_minutes: float = _habit(10, "minutes", "Mean length of an uploaded video.")
    likes: float = _habit(3.8, PER_DAY, "Likes and dislikes.", FACEBOOK_2012)
    comments: float = _habit(1.9, PER_DAY, "Comments.", FACEBOOK_2012)
    posts: float = _habit(0.5, PER_DAY, "Posts.")
    follows: float = _habit(0.2, PER_DAY, "Follows and friendships.")
    other_events: float = _habit(
        10, PER_DAY, "Events beside an event for each act: log-ins, a video's counters in any second."
    )
    peak: float = _habit(2, "times the mean", "The busiest minutes of a day.")
    edge_share: float = _habit(0.58, "of bytes watched", "What an edge cache answers, 0 to 1.", PHOTOS_2013)
    replication: float = _habit(3, "copies", "Of every byte that is stored.", "HDFS's default")
    retention_days: float = _habit(
        7, "days", "How long the outbox is kept.", "the default of NEWSREEL_RETENTION_DAYS"
    )
    refreshes: float = _habit(
        144, "per day", "Refreshes of the tables.", "they promise to be fresh within 600 s (docs/tables)"
    )

    def __post_init__(self) -> None:
        """Hold every figure to what it can be."""
        for one in declared():
            value = getattr(self, one.name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{option(one.name)} {value:g}: a number of at least 0 is needed")
        for name in ("dau", "peak", "replication"):
            if getattr(self, name) < 1:
                raise InputError(f"{option(name)} {getattr(self, name):g}: at least 1 is needed")
        if self.edge_share > 1:
            raise InputError(f"--edge-share {self.edge_share:g}: a share from 0 to 1 is needed")


def declared() -> Iterator[Field[float]]:
    """The habits as they are declared, with `unit`, `what` and `source` in their metadata."""
    yield from fields(Habits)


def option(name: str) -> str:
    """How a habit is called on the command line."""
    return f"--{name.replace('_', '-')}"
