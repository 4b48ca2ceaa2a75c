"""Reads of the lake's `events` for the refresh: by version, by time, and deletions.

Tests: tests/jobs/refresh/test_event_slice.py.
"""

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
"""Commits whose times are read: a sink under load makes more in a few hours, and each is a file to read."""
COLUMNS = ("event_id", "table_name", "row_key", "kind", "row", "at")
"""Columns that the refresh needs."""


def count_version_rows(lake: Lake, start: int, end: int) -> list[tuple[int, int]]:
    """Versions `start` to `end` of `events`, each with the number of rows that it added.

    Versions whose commit has been removed from the log, after the retention, are left out.
    """
    handle = lake.open(EVENTS)
    commits = handle.history(limit=handle.version() - start + 1)
    # Only appends have this metric: a compaction adds no event.
    added = {
        commit["version"]: commit.get("operationMetrics", {}).get("num_added_rows", 0) for commit in commits
    }
    return [(version, added[version]) for version in range(start, end + 1) if version in added]


def read_added_events(lake: Lake, start: int, end: int) -> pa.Table:
    """The rows that versions `start` to `end` of `events` added."""
    return _read_changes(lake, start, end, COLUMNS).cast(_events_schema())


def read_commit_times(lake: Lake, since: datetime) -> pa.Table:
    """(table_name, at, version, committed) of the events in the newest `MOST_COMMITS` commits since a time.

    `version` is the version of `events` that added them.
    """
    since_ms = since.timestamp() * 1000
    commits = lake.open(EVENTS).history(MOST_COMMITS)
    versions = [commit["version"] for commit in commits if commit["timestamp"] >= since_ms]
    schema = pa.schema(
        [("table_name", pa.string()), ("at", INSTANT), ("version", pa.int64()), ("committed", INSTANT)]
    )
    if not versions:
        return schema.empty_table()
    columns = ("table_name", "at", "_commit_version", "_commit_timestamp")
    rows = _read_changes(lake, min(versions), max(versions), columns).rename_columns(schema.names)
    # The feed's times have no zone; they are UTC.
    committed = rows["committed"].cast(pa.timestamp("us"))
    return rows.drop_columns("committed").append_column("committed", committed).cast(schema)


def _read_changes(lake: Lake, start: int, end: int, columns: Sequence[str]) -> pa.Table:
    """Columns of the change data feed for the rows that versions `start` to `end` of `events` added.

    Rows that a compaction moved are not in the feed (Delta protocol, "Change Data Files").
    """
    feed = lake.open(EVENTS).load_cdf(
        starting_version=start, ending_version=end, columns=[*columns, "_change_type"]
    )
    rows = pa.table(feed)
    rows = rows.cast(plain_schema(rows.schema))
    return rows.filter(pc.equal(rows["_change_type"], "insert")).select(list(columns))


def read_events(lake: Lake, start: datetime, end: datetime) -> pa.Table:
    """The events of a half-open span of time."""
    query = f"SELECT {', '.join(COLUMNS)} FROM {EVENTS} WHERE {_build_span(start, end)}"
    return run_query({EVENTS: lake.open(EVENTS)}, query).cast(_events_schema())


def count_events(lake: Lake, start: datetime, end: datetime) -> int:
    """The number of events of a half-open span of time."""
    query = f"SELECT count(*) AS events FROM {EVENTS} WHERE {_build_span(start, end)}"
    return int(run_query({EVENTS: lake.open(EVENTS)}, query)["events"][0].as_py())


def list_days(lake: Lake) -> list[datetime]:
    """The starts of the days, UTC, that have events, in order."""
    query = f"SELECT DISTINCT date_trunc('day', at) AS day FROM {EVENTS} ORDER BY day"
    days: list[datetime] = run_query({EVENTS: lake.open(EVENTS)}, query)["day"].to_pylist()
    return days


def read_deletions(lake: Lake, after: int) -> pa.Table:
    """The deletions of rows of any table with an `event_id` above `after`.

    `after` makes the query cheap: files whose events are all older are not opened.
    """
    query = f"SELECT {', '.join(COLUMNS)} FROM {EVENTS} WHERE event_id > {after} AND kind = 'deleted'"
    return run_query({EVENTS: lake.open(EVENTS)}, query).cast(_events_schema())


def read_deleted_keys(lake: Lake, start: datetime, end: datetime) -> set[str]:
    """The single-column keys of rows of any table that were deleted in a half-open span of time."""
    query = (
        f"SELECT DISTINCT row_key FROM {EVENTS} "
        f"WHERE kind = 'deleted' AND row_key NOT LIKE '%/%' AND {_build_span(start, end)}"
    )
    return set(run_query({EVENTS: lake.open(EVENTS)}, query)["row_key"].to_pylist())


def _build_span(start: datetime, end: datetime) -> str:
    return f"at >= TIMESTAMP '{start.isoformat()}' AND at < TIMESTAMP '{end.isoformat()}'"


def _events_schema() -> pa.Schema:
    schema = arrow_schema(table(EVENTS))
    return pa.schema([schema.field(name).remove_metadata() for name in COLUMNS])
