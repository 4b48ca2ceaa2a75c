"""Slices of the lake's `events`: as many of them as one process may hold at once, by version or by time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from jobs.refresh.event_columns import parsed_events
from jobs.refresh.event_values import EVENT_FIELDS
from schemas.table import Table
from stores.delta import Lake
from stores.delta.event_log import added_events, count_between, deletions, events_between

SLICE_EVENTS = 1_000_000
"""Taken at once: about 1 GiB in this process."""
LAST_SLICE = 1.25
"""The last one may be so many times as long: a short rest would cost as many commits as a whole slice."""


@dataclass(frozen=True)
class EventSlice:
    """Some events; `end` is the version of `events` up to which all are taken with it, where it is made of versions."""

    events: pa.Table
    end: int | None = None

    @property
    def oldest(self) -> int:
        """The least id of its events; the greatest that there could be if it has none."""
        found: int | None = pc.min(self.events["event_id"]).as_py()
        return sys.maxsize if found is None else found

    def tables(self) -> set[str]:
        """The tables that events of the slice name."""
        return set(self.events["table_name"].unique().to_pylist())

    def of(self, declared: Table) -> pa.Table:
        """Its events of one table, read: see `jobs.refresh.event_columns.parsed_events`."""
        own = self.events.filter(pc.equal(self.events["table_name"], declared.name))
        return parsed_events(declared, own.select([field.name for field in EVENT_FIELDS]))

    def later_deletions(self, lake: Lake) -> EventSlice:
        """What the lake tells of rows that were deleted, by events that are newer than the oldest of these."""
        return EventSlice(deletions(lake, after=self.oldest))


def new_slices(lake: Lake, versions: Sequence[tuple[int, int]]) -> Iterator[EventSlice]:
    """What versions of `events` added, in their order; each comes with its number of rows."""
    start, held = versions[0][0], 0
    left = sum(rows for _, rows in versions)
    for version, rows in versions:
        if held and held + rows > SLICE_EVENTS and left > SLICE_EVENTS * LAST_SLICE:
            yield EventSlice(added_events(lake, start, version - 1), version - 1)
            left -= held
            start, held = version, 0
        held += rows
    yield EventSlice(added_events(lake, start, versions[-1][0]), versions[-1][0])


def slices_of_day(lake: Lake, day: date) -> Iterator[EventSlice]:
    """All events of a day, UTC, whenever they came: spans of it that are short enough."""
    begun = datetime(day.year, day.month, day.day, tzinfo=UTC)
    events = count_between(lake, begun, begun + timedelta(days=1))
    spans = -(-events // SLICE_EVENTS)
    marks = [begun + timedelta(days=number / spans) for number in range(spans + 1)] if spans else []
    for start, end in pairwise(marks):
        yield EventSlice(events_between(lake, start, end))
