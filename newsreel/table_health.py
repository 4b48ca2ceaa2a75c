"""How each table of the lake is: how large, when it changed last, how fresh it has been, and what it promises."""

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
from stores.delta.event_log import EVENTS, INSTANT, commit_times
from stores.delta.upkeep import size

SHARE = 0.99
"""Of what came in the time looked at, so many were there within the seconds that are said."""
LOOKED_AT = timedelta(days=7)
"""Of events no more than the newest commits that `event_log.MOST_COMMITS` allows."""
REFRESHES = """
    SELECT ended, detail FROM pipeline_runs
    WHERE stage = 'refresh' AND state = 'succeeded' AND started >= TIMESTAMP '{since}' ORDER BY ended
"""
UP_TO = re.compile(r"events up to version (\d+)$")
"""How a refresh says which version of `events` the tables show (`jobs.refresh_tables`); that of a day says none."""


@dataclass(frozen=True)
class TableHealth:
    """One table. Seconds are null where nothing was promised, or nothing came."""

    table: str
    rows: int
    files: int
    size_bytes: int
    changed: datetime
    """When its newest version was committed."""
    fresh_within_s: int | None
    """Promised: a row is there so long after the fact."""
    fresh_s: float | None
    """Held: so long after the fact were 99 % of the rows there that came within the last seven days."""

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; null where there is nothing to tell."""
        if self.fresh_s is None or self.fresh_within_s is None:
            return None
        return self.fresh_s <= self.fresh_within_s


def table_health(lake: Lake, now: datetime, names: list[str] | None = None) -> Iterator[TableHealth]:
    """Look at some tables, or all. Reads the log of each, of `events` the times too."""
    since = now - LOOKED_AT
    events = _event_times(lake, since)
    refreshed = _refreshed(lake, events, since)
    for declared in (TABLES[name] for name in names or TABLES):
        handle = lake.open(declared.name)
        [newest] = handle.history(limit=1)
        changed = datetime.fromtimestamp(newest["timestamp"] / 1000, UTC)
        found = size(lake, declared.name)
        if declared.name == EVENTS:
            fresh_s = _share(events["delay_s"].to_numpy())
        elif declared.live:
            fresh_s = refreshed.get(declared.name)
        else:
            fresh_s = _after_the_day(lake, declared, changed)
        yield TableHealth(
            table=declared.name,
            rows=found.rows,
            files=found.files,
            size_bytes=found.size_bytes,
            changed=changed,
            fresh_within_s=declared.fresh_within_s,
            fresh_s=fresh_s,
        )


def _event_times(lake: Lake, since: datetime) -> pa.Table:
    """What `commit_times` has of events that came since a time, and `delay_s`: how long after the fact."""
    found = commit_times(lake, since)
    at = found["at"].cast(pa.int64()).to_numpy()
    delay_s = (found["committed"].cast(pa.int64()).to_numpy() - at) / 1e6
    return found.append_column("delay_s", pa.array(delay_s))


def _refreshed(lake: Lake, events: pa.Table, since: datetime) -> dict[str, float]:
    """For each live table: from its events to the end of the first refresh that took their version of `events`."""
    runs = lake.query(REFRESHES.format(since=since.isoformat())).to_pylist()
    ends = [(int(up_to[1]), run["ended"]) for run in runs if (up_to := UP_TO.search(run["detail"]))]
    if not ends or not events.num_rows:
        return {}
    ended = pa.array([end for _, end in ends], INSTANT).cast(pa.int64()).to_numpy()
    at, version = (events[name].cast(pa.int64()).to_numpy() for name in ("at", "version"))
    place = np.searchsorted(np.array([taken for taken, _ in ends]), version)
    covered = place < len(ends)  # the rest waits for the next refresh
    delays_s = (ended[place[covered]] - at[covered]) / 1e6
    tables = events["table_name"].to_numpy()[covered]
    found = {name: _share(delays_s[tables == name]) for name in set(tables.tolist())}
    return {name: share for name, share in found.items() if share is not None}


def _share(delays_s: NDArray[np.float64]) -> float | None:
    return float(np.quantile(delays_s, SHARE)) if len(delays_s) else None


def _after_the_day(lake: Lake, declared: Table, changed: datetime) -> float | None:
    """Of a table of days: from the end of its newest day until it was there."""
    if declared.fresh_within_s is None or "day" not in declared.column_names:
        return None
    last = lake.query(f"SELECT max(day) AS day FROM {declared.name}")["day"][0].as_py()
    if last is None:
        return None
    over = datetime.combine(last + timedelta(days=1), time(), UTC)
    return max(0.0, (changed - over).total_seconds())
