"""Size, last change and freshness of the lake's tables, beside the freshness that each promises.

Tests: tests/e2e/test_analysts.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.table import Table
from schemas.tables import TABLES
from stores.delta import Lake
from stores.delta.event_log import EVENTS, INSTANT, read_commit_times
from stores.delta.maintenance import measure_size

QUANTILE = 0.99
"""Freshness is this quantile of the delays in `PERIOD`."""
PERIOD = timedelta(days=7)
"""Of events at most the newest commits that `event_log.MOST_COMMITS` allows."""
REFRESHES = """
    SELECT ended, detail FROM pipeline_runs
    WHERE stage = 'refresh' AND state = 'succeeded' AND started >= TIMESTAMP '{since}' ORDER BY ended
"""
UP_TO = re.compile(r"events up to version (\d+)$")
"""Version of `events` in the detail of a refresh (`jobs.refresh_tables`); the refresh of a single day has none."""


@dataclass(frozen=True)
class TableHealth:
    """Size and freshness of one table. Seconds are None without a promise, or without changes in `PERIOD`."""

    table: str
    rows: int
    files: int
    size_bytes: int
    changed: datetime
    """Commit time of the newest version."""
    fresh_within_s: int | None
    """Promised delay from a change to its row in the table."""
    fresh_s: float | None
    """Measured delay: 99th percentile of the last seven days."""

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None if nothing was promised or measured."""
        if self.fresh_s is None or self.fresh_within_s is None:
            return None
        return self.fresh_s <= self.fresh_within_s


def table_health(lake: Lake, now: datetime, names: list[str] | None = None) -> Iterator[TableHealth]:
    """Measure some tables, or all. Reads each table's transaction log, and the times in `events`."""
    since = now - PERIOD
    events = _read_event_delays(lake, since)
    refreshed = _measure_refreshes(lake, events, since)
    for declared in (TABLES[name] for name in names or TABLES):
        handle = lake.open(declared.name)
        [newest] = handle.history(limit=1)
        changed = datetime.fromtimestamp(newest["timestamp"] / 1000, UTC)
        table_size = measure_size(lake, declared.name)
        if declared.name == EVENTS:
            fresh_s = _compute_quantile(events["delay_s"].to_numpy())
        elif declared.live:
            fresh_s = refreshed.get(declared.name)
        else:
            fresh_s = _measure_daily_table(lake, declared, changed)
        yield TableHealth(
            table=declared.name,
            rows=table_size.rows,
            files=table_size.files,
            size_bytes=table_size.size_bytes,
            changed=changed,
            fresh_within_s=declared.fresh_within_s,
            fresh_s=fresh_s,
        )


def _read_event_delays(lake: Lake, since: datetime) -> pa.Table:
    """Read the commit times since a time, and add `delay_s`: seconds from the event to its commit."""
    events = read_commit_times(lake, since)
    at = events["at"].cast(pa.int64()).to_numpy()
    delay_s = (events["committed"].cast(pa.int64()).to_numpy() - at) / 1e6
    return events.append_column("delay_s", pa.array(delay_s))


def _measure_refreshes(lake: Lake, events: pa.Table, since: datetime) -> dict[str, float]:
    """Measure live tables: from each event to the end of the first refresh that took its version of `events`."""
    runs = lake.query(REFRESHES.format(since=since.isoformat())).to_pylist()
    ends = [(int(up_to[1]), run["ended"]) for run in runs if (up_to := UP_TO.search(run["detail"]))]
    if not ends or not events.num_rows:
        return {}
    ended = pa.array([end for _, end in ends], INSTANT).cast(pa.int64()).to_numpy()
    at, version = (events[name].cast(pa.int64()).to_numpy() for name in ("at", "version"))
    refresh = np.searchsorted(np.array([taken for taken, _ in ends]), version)
    covered = refresh < len(ends)  # the others wait for the next refresh
    delays_s = (ended[refresh[covered]] - at[covered]) / 1e6
    tables = events["table_name"].to_numpy()[covered]
    quantiles = {name: _compute_quantile(delays_s[tables == name]) for name in set(tables.tolist())}
    return {name: delay_s for name, delay_s in quantiles.items() if delay_s is not None}


def _compute_quantile(delays_s: NDArray[np.float64]) -> float | None:
    return float(np.quantile(delays_s, QUANTILE)) if len(delays_s) else None


def _measure_daily_table(lake: Lake, declared: Table, changed: datetime) -> float | None:
    """Measure a table with a row for each day: from the end of its newest day to its newest commit."""
    if declared.fresh_within_s is None or "day" not in declared.column_names:
        return None
    last = lake.query(f"SELECT max(day) AS day FROM {declared.name}")["day"][0].as_py()
    if last is None:
        return None
    day_end = datetime.combine(last + timedelta(days=1), time(), UTC)
    return max(0.0, (changed - day_end).total_seconds())
