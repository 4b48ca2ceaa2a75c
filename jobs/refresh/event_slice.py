"""Slices of the lake's `events`, by version or by time, each small enough for the memory of one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from jobs.refresh.event_columns import parse_events
from jobs.refresh.event_values import EVENT_FIELDS
from schemas.table import Table
from stores.delta import Lake
from stores.delta.event_log import count_events, read_added_events, read_deletions, read_events

SLICE_EVENTS = 1_000_000
"""Maximum size of a slice: about 1 GiB in this process."""
LAST_SLICE = 1.25
"""The last slice may be larger by this factor: a short remainder would cost as many commits as a whole slice."""


@dataclass(frozen=True)
class EventSlice:
    """Some events; `end`, set for a slice of versions, is the last version of `events` in it: the cursor after it."""

    events: pa.Table
    end: int | None = None

    @property
    def oldest(self) -> int:
        """The smallest event id of the slice; sys.maxsize if it is empty."""
        smallest: int | None = pc.min(self.events["event_id"]).as_py()
        return sys.maxsize if smallest is None else smallest

    def list_tables(self) -> set[str]:
        """Names of the tables that the slice has events of."""
        return set(self.events["table_name"].unique().to_pylist())

    def parse(self, declared: Table) -> pa.Table:
        """Parsed events of one table: see `jobs.refresh.event_columns.parse_events`."""
        own = self.events.filter(pc.equal(self.events["table_name"], declared.name))
        return parse_events(declared, own.select([field.name for field in EVENT_FIELDS]))

    def read_later_deletions(self, lake: Lake) -> EventSlice:
        """Deletion events in the lake that are newer than the oldest event of this slice."""
        return EventSlice(read_deletions(lake, after=self.oldest))


def read_new_slices(lake: Lake, versions: Sequence[tuple[int, int]]) -> Iterator[EventSlice]:
    """Events added by versions of `events`, in order. `versions`: pairs of a version and its number of rows."""
    start, size = versions[0][0], 0
    left = sum(rows for _, rows in versions)
    for version, rows in versions:
        if size and size + rows > SLICE_EVENTS and left > SLICE_EVENTS * LAST_SLICE:
            yield EventSlice(read_added_events(lake, start, version - 1), version - 1)
            left -= size
            start, size = version, 0
        size += rows
    yield EventSlice(read_added_events(lake, start, versions[-1][0]), versions[-1][0])


def read_day_slices(lake: Lake, day: date) -> Iterator[EventSlice]:
    """All events of a day, UTC, whenever they reached the lake, in spans of equal length."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    events = count_events(lake, midnight, midnight + timedelta(days=1))
    spans = -(-events // SLICE_EVENTS)
    bounds = [midnight + timedelta(days=number / spans) for number in range(spans + 1)] if spans else []
    for start, end in pairwise(bounds):
        yield EventSlice(read_events(lake, start, end))
