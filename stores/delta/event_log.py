"""The lake's `events` for those who turn them into tables: what versions or times hold, which keys were deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from schemas.derive.arrow import arrow_schema
from schemas.tables import table
from stores.delta.lake import Lake
from stores.delta.query import plain_schema, run_query

EVENTS = "events"
INSTANT = pa.timestamp("us", tz="UTC")
MOST_COMMITS = 5_000
"""A sink under load makes more than that in a few hours; each is a file to be read."""
TAKEN = ("event_id", "table_name", "row_key", "kind", "row", "at")
"""Columns that the tables are made of."""


def count_version_rows(lake: Lake, start: int, end: int) -> list[tuple[int, int]]:
    """Versions `start` to `end` of `events`, each with the number of rows that it added.

    Those whose commit has left the log, as it does after the retention, are not among them.
    """
    handle = lake.open(EVENTS)
    commits = handle.history(limit=handle.version() - start + 1)
    # Only appends have this metric: a compaction adds no event.
    added = {
        found["version"]: found.get("operationMetrics", {}).get("num_added_rows", 0) for found in commits
    }
    return [(version, added[version]) for version in range(start, end + 1) if version in added]


def read_added_events(lake: Lake, start: int, end: int) -> pa.Table:
    """The rows that versions `start` to `end` of `events` added."""
    return _added(lake, start, end, TAKEN).cast(_events_schema())


def read_commit_times(lake: Lake, since: datetime) -> pa.Table:
    """(table_name, at, version, committed) of the events committed since a time, by the newest `MOST_COMMITS`.

    `version` is that of `events` which brought them.
    """
    since_ms = since.timestamp() * 1000
    commits = lake.open(EVENTS).history(MOST_COMMITS)
    versions = [found["version"] for found in commits if found["timestamp"] >= since_ms]
    schema = pa.schema(
        [("table_name", pa.string()), ("at", INSTANT), ("version", pa.int64()), ("committed", INSTANT)]
    )
    if not versions:
        return schema.empty_table()
    taken = ("table_name", "at", "_commit_version", "_commit_timestamp")
    found = _added(lake, min(versions), max(versions), taken).rename_columns(schema.names)
    # The feed gives it without a zone, and means UTC.
    committed = found["committed"].cast(pa.timestamp("us"))
    return found.drop_columns("committed").append_column("committed", committed).cast(schema)


def _added(lake: Lake, start: int, end: int, columns: Sequence[str]) -> pa.Table:
    """Columns of the change feed for rows that versions `start` to `end` of `events` added.

    Rows that were only moved, by a compaction, are not among them (Delta protocol, "Change Data Files").
    """
    feed = lake.open(EVENTS).load_cdf(
        starting_version=start, ending_version=end, columns=[*columns, "_change_type"]
    )
    rows = pa.table(feed)
    rows = rows.cast(plain_schema(rows.schema))
    return rows.filter(pc.equal(rows["_change_type"], "insert")).select(list(columns))


def read_events(lake: Lake, start: datetime, end: datetime) -> pa.Table:
    """The events of a half-open span of time."""
    query = f"SELECT {', '.join(TAKEN)} FROM {EVENTS} WHERE {_between(start, end)}"
    return run_query({EVENTS: lake.open(EVENTS)}, query).cast(_events_schema())


def count_events(lake: Lake, start: datetime, end: datetime) -> int:
    """How many events a half-open span of time has."""
    query = f"SELECT count(*) AS events FROM {EVENTS} WHERE {_between(start, end)}"
    return int(run_query({EVENTS: lake.open(EVENTS)}, query)["events"][0].as_py())


def list_days(lake: Lake) -> list[datetime]:
    """The days, UTC, that have events, each by its first moment, in order."""
    query = f"SELECT DISTINCT date_trunc('day', at) AS day FROM {EVENTS} ORDER BY day"
    found: list[datetime] = run_query({EVENTS: lake.open(EVENTS)}, query)["day"].to_pylist()
    return found


def read_deletions(lake: Lake, after: int) -> pa.Table:
    """The deletions of rows, of any table, that came with an event after `after`.

    `after` keeps the question cheap: files whose events are all older are not opened.
    """
    query = f"SELECT {', '.join(TAKEN)} FROM {EVENTS} WHERE event_id > {after} AND kind = 'deleted'"
    return run_query({EVENTS: lake.open(EVENTS)}, query).cast(_events_schema())


def read_deleted_keys(lake: Lake, start: datetime, end: datetime) -> set[str]:
    """The keys, of one column, of rows of any table that were deleted in a half-open span of time."""
    query = (
        f"SELECT DISTINCT row_key FROM {EVENTS} "
        f"WHERE kind = 'deleted' AND row_key NOT LIKE '%/%' AND {_between(start, end)}"
    )
    return set(run_query({EVENTS: lake.open(EVENTS)}, query)["row_key"].to_pylist())


def _between(start: datetime, end: datetime) -> str:
    return f"at >= TIMESTAMP '{start.isoformat()}' AND at < TIMESTAMP '{end.isoformat()}'"


def _events_schema() -> pa.Schema:
    schema = arrow_schema(table(EVENTS))
    return pa.schema([schema.field(name).remove_metadata() for name in TAKEN])
