"""A small slice of events, taken into the live tables in this process: Arrow and delta-rs, no JVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.event_values import EVENT_FIELDS, parsed_batches
from schemas.table import Table
from stores.delta import Lake
from stores.delta.event_log import added_events, deletions

Event = Mapping[str, Any]


class ArrowSlice:
    """Some versions of `events`, read whole; same answers and same tables as `jobs.spark_slice.SparkSlice`."""

    def __init__(self, lake: Lake, events: pa.Table) -> None:
        """`events`: what the versions added, as `added_events` gives it."""
        self._lake = lake
        self._events = events

    @classmethod
    def read(cls, lake: Lake, start: int, end: int, at_most: int) -> ArrowSlice | None:
        """Versions `start` to `end`; None where they hold more than `at_most` events."""
        events = added_events(lake, start, end, at_most)
        return None if events is None else cls(lake, events)

    def tables(self) -> set[str]:
        """The tables that events of the slice name."""
        return set(self._events["table_name"].to_pylist())

    def changes(self, declared: Table) -> list[dict[str, Any]]:
        """Events that change the table, the newest of each key, and every bad one, in their order."""
        of_table = self._events.filter(pc.equal(self._events["table_name"], declared.name))
        batches = of_table.select([field.name for field in EVENT_FIELDS]).to_batches()
        parsed = [event for batch in parsed_batches(declared, batches) for event in batch.to_pylist()]
        changes = [event for event in parsed if event["reason"]] + self._effective(declared, _newest(parsed))
        return sorted(changes, key=lambda event: event["event_id"])

    def merge(self, declared: Table, rows: pa.Table, app_id: str, version: int | None) -> None:
        """Take rows with `event_kind` into the table; with `version`, as that application transaction."""
        self._lake.merge_events(declared.name, rows, app_id=app_id, version=version)

    def record(self, declared: Table, app_id: str, version: int) -> None:
        """Record an application transaction in an empty commit."""
        self._lake.append_once(declared.name, [], app_id=app_id, version=version)

    def _effective(self, declared: Table, newest: Sequence[Event]) -> list[Event]:
        """Those that change the table; see `jobs.event_rows.effective`."""
        if not newest:
            return []
        leading = declared.key[0]
        held = {
            "/".join(str(row[name]) for name in declared.key): row["last_event_id"]
            for row in self._lake.read(
                declared.name,
                columns=[*declared.key, "last_event_id"],
                where={leading: sorted({event["new"][leading] for event in newest})},
            ).to_pylist()
        }
        keys = sorted(event["row_key"] for event in newest)
        deleted = deletions(self._lake, declared.name, keys, after=min(event["event_id"] for event in newest))

        def changes_it(event: Event) -> bool:
            shown = held.get(event["row_key"])
            appears = shown is None and event["kind"] == "upserted"
            newer = shown is not None and event["event_id"] > shown
            overtaken = deleted.get(event["row_key"], 0) > event["event_id"]
            return (appears or newer) and not overtaken

        return [event for event in newest if changes_it(event)]


def _newest(parsed: Sequence[Event]) -> list[Event]:
    newest: dict[str, Event] = {}
    for event in parsed:
        known = newest.get(event["row_key"])
        if not event["reason"] and (known is None or event["event_id"] > known["event_id"]):
            newest[event["row_key"]] = event
    return list(newest.values())
