"""Counters: columns of `videos` that count the rows of live tables which carry the video's id.

The trigger function of each counted table, `tally_<table>()`, adds the changes of its counts to `tallies`, in the same
transaction (`schemas.derive.sql.counter_triggers`); `streaming.api.videos.counters` adds these up into `videos`.
Tests: tests/stores/test_migrations.py, tests/streaming/api/videos/test_counters.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counter:
    """A column of `videos`, and of `tallies`: the number of rows of `table`, or of those where a column has a value."""

    column: str
    table: str
    where: tuple[str, str] | None = None
    """Column and value."""


LIKES = Counter("likes", "reactions", where=("kind", "like"))
DISLIKES = Counter("dislikes", "reactions", where=("kind", "dislike"))
VIEWS = Counter("views", "views")

COUNTERS = (LIKES, DISLIKES, VIEWS)
COUNTER_NAMES = tuple(counter.column for counter in COUNTERS)
COUNTED_TABLES = tuple(dict.fromkeys(counter.table for counter in COUNTERS))
