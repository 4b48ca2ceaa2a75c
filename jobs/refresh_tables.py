"""Stage `refresh`: the lake's `events` become the tables that PostgreSQL holds live, by MERGE on their key.

It goes on from the version of `events` that the last commit covers, a slice of versions at a time: a small slice in
this process, a larger one in Spark (docs/adr/0007-small-refresh-and-driver.md). The version is an application
transaction of the last live table, so it moves only after all tables took the slice: killed in between, the slice is
taken again, and each row's `last_event_id` keeps it from changing twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.arrow_slice import ArrowSlice
from jobs.personal_fields import with_personal_fields
from schemas.derive.arrow import arrow_schema
from schemas.errors import ConflictError
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from stores.delta import lake
from stores.postgres import connect
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

if TYPE_CHECKING:
    from jobs.spark_slice import SparkSlice

APP_ID = "refresh_tables"
CURSOR_TABLE = LIVE_TABLES[-1]
"""The table merged last; its commits say how far all of them have come."""
SLICE_VERSIONS = 10
"""Versions of `events` taken at once: as many as the driver can check in memory (the sink writes up to 20,000 rows a
version, stores/outbox/lake_sink.py)."""
TURN_WITHIN_S = 600
"""How long a refresh waits while another one is at work."""
REJECTED_NAMESPACE = uuid.UUID("0b6a7b0e-3f0c-5d52-9a5e-5a3f9b0f4c11")


def refreshed_version() -> int | None:
    """The version of `events` that the live tables in the lake show, None before the first refresh. No JVM."""
    return lake().transaction_version(CURSOR_TABLE.name, APP_ID)


def refresh(run_id: str) -> int:
    """Bring the tables up to the newest version of `events`; returns the rows changed.

    Raises QualityError where rows break their table's suite, ConflictError where `events` is older than its cursor.
    """
    latest, done = lake().version("events"), refreshed_version()
    if done is not None and done > latest:
        raise ConflictError(
            f"tables show version {done} of events, which has {latest}: events was restored or made anew; "
            f"restore {', '.join(declared.name for declared in LIVE_TABLES)} to the same time"
        )
    changed, first = 0, 0 if done is None else done + 1
    for start in range(first, latest + 1, SLICE_VERSIONS):
        end = min(start + SLICE_VERSIONS - 1, latest)
        with _slice(start, end) as events:
            changed += _take(events, run_id, end)
    return changed


@contextmanager
def _slice(start: int, end: int) -> Iterator[ArrowSlice | SparkSlice]:
    """Versions `start` to `end` of `events` in the engine that suits their number and their tables."""
    small = ArrowSlice.read(lake(), start, end, settings().refresh_small_events)
    if small and all(declared.small_writer for declared in LIVE_TABLES if declared.name in small.tables()):
        yield small
        return
    # Imported here: it takes a second, and a small refresh needs none of it.
    from jobs.spark_slice import SparkSlice

    large = SparkSlice(lake(), start, end)
    try:
        yield large
    finally:
        large.close()


def _take(events: ArrowSlice | SparkSlice, run_id: str, end: int) -> int:
    """Take a slice into all tables, then record its `end`. Returns the rows changed."""
    touched = events.tables()
    changed, recorded = 0, False
    for declared in (declared for declared in LIVE_TABLES if declared.name in touched):
        outcomes = events.changes(declared)
        _keep_rejected(run_id, declared, [event for event in outcomes if event["reason"]])
        rows = _rows(declared, [event for event in outcomes if not event["reason"]])
        if rows:
            upserted = [row for row in rows if row["event_kind"] == "upserted"]
            if upserted:
                check_rows(run_id, declared.name, _only(declared, upserted))
            recorded = declared == CURSOR_TABLE
            events.merge(declared, _as_arrow(declared, rows), APP_ID, end if recorded else None)
            changed += len(rows)
    if not recorded:
        events.record(CURSOR_TABLE, APP_ID, end)
    return changed


def _rows(declared: Table, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events as rows of their table with personal fields, and `event_kind`."""
    if not events:
        return []
    rows = [
        {**event["new"], "last_event_id": event["event_id"], "event_kind": event["kind"]} for event in events
    ]
    with connect() as connection:
        return with_personal_fields(connection, declared, rows)


def _as_arrow(declared: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows with `event_kind`; every column may be null, since a deletion carries no more than its key."""
    fields = [field.remove_metadata().with_nullable(True) for field in arrow_schema(declared)]
    schema = pa.schema([*fields, pa.field("event_kind", pa.string())])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _keep_rejected(run_id: str, declared: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record refused rows, each once: a row that was refused before keeps the run that did."""
    if not rows:
        return
    held = lake().read("rejected_rows", columns=["rejected_id"], where={"table_name": declared.name})
    known = set(held.column("rejected_id").to_pylist())
    fresh: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["event_id"], row["reason"], row["at"])):
        rejected_id = str(uuid.uuid5(REJECTED_NAMESPACE, f"{declared.name}\n{row['row']}"))
        if rejected_id not in known:
            kept = {"table_name": declared.name, "rejected_id": rejected_id, "run_id": run_id}
            fresh.setdefault(
                rejected_id, {**kept, "row": row["row"], "reason": row["reason"], "at": row["at"]}
            )
    lake().merge("rejected_rows", list(fresh.values()))


def _only(declared: Table, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in declared.column_names} for row in rows]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    # One refresh at a time: two engines must never write to one table at once.
    with stage_attempt("refresh", arguments, opens=True, waits_s=TURN_WITHIN_S) as attempt:
        attempt.rows = refresh(arguments.run_id)
        attempt.detail = f"{attempt.rows} rows changed; events up to version {refreshed_version()}"


if __name__ == "__main__":
    main()
