"""Upkeep of the lake's tables: small files put together, what was deleted or refused erased, old files removed.

None of it breaks a reader or a writer: compaction and erasure are commits like others, and only files that no version
within the retention needs are removed (Delta protocol, "Vacuum").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
from deltalake import WriterProperties
from deltalake.exceptions import CommitFailedError

from schemas.tables import table
from stores.delta.event_log import EVENTS, read_deleted_keys
from stores.delta.lake import Lake
from stores.delta.query import build_predicate, run_query
from stores.fence import guarded

SMALL_BYTES = 32 << 20
TARGET_BYTES = 128 << 20
ROW_GROUP_ROWS = 128 << 10
"""A million, as it is otherwise, hides from a reader where in a file its rows are: the newest hundred of 20 M
events came in 0.20 s, and come in 0.04 s; other questions are up to twice as fast."""
SMALL_FILES = 8
"""A table with fewer small files than this is left as it is."""
ERASED_AT_ONCE = 2_000
"""Rows of `events` whose keys one statement names."""
HOURS = 24
REFUSED = "rejected_rows"
ERASED = "(erased)"
"""Stands in the place of a refused row's text."""
WORD = re.compile(r"[A-Za-z0-9._~-]+")
"""What an identifier is made of."""


@dataclass(frozen=True)
class Size:
    """How large a table is: its newest version, and all that lies in its folder where that can be listed."""

    rows: int
    files: int
    size_bytes: int


def measure_size(lake: Lake, name: str) -> Size:
    """The size of a table's newest version, from its log alone."""
    found = pa.table(lake.open(name).get_add_actions(flatten=True))
    return Size(
        rows=sum(filter(None, found["num_records"].to_pylist())) if found.num_rows else 0,
        files=found.num_rows,
        size_bytes=sum(found["size_bytes"].to_pylist()) if found.num_rows else 0,
    )


def compact(lake: Lake, name: str) -> int:
    """Put small files together, in their order; returns how many files fewer there are.

    Order is kept so that rows that came at one time stay together, and a question about a time opens few files. Where
    somebody removes one of the files meanwhile nothing is done: the next upkeep tries again.
    """
    handle = lake.open(name)
    sizes = pa.table(handle.get_add_actions(flatten=True))["size_bytes"].to_pylist()
    if sum(found < SMALL_BYTES for found in sizes) < SMALL_FILES:
        return 0
    with suppress(CommitFailedError), guarded():
        done = handle.optimize.compact(
            target_size=TARGET_BYTES,
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP_ROWS),
        )
        return int(done["numFilesRemoved"] - done["numFilesAdded"])
    return 0


def erase_deleted(lake: Lake, before: datetime) -> int:
    """Take out of `events` what it says of rows that were deleted before a time; the deletions stay. Returns the rows.

    A text that somebody deleted, or had when their account was deleted, is in no file once older versions are gone. The
    tables do not change, and a replay makes the same ones: a deletion overtakes all that came before it.
    """
    query = f"""
        SELECT e.event_id FROM {EVENTS} e JOIN (
            SELECT table_name, row_key, max(event_id) AS deleted_by FROM {EVENTS}
            WHERE kind = 'deleted' AND at < TIMESTAMP '{before.isoformat()}' GROUP BY table_name, row_key
        ) d ON e.table_name = d.table_name AND e.row_key = d.row_key
        WHERE e.kind = 'upserted' AND e.event_id < d.deleted_by ORDER BY e.event_id
    """
    found = run_query({EVENTS: lake.open(EVENTS)}, query)["event_id"].unique().to_pylist()
    erased = 0
    for ids in _parts(found):
        with guarded():
            done = lake.open(EVENTS).delete(build_predicate(table(EVENTS), {"event_id": ids}))
        erased += int(done["num_deleted_rows"])
    return erased


def erase_refused(lake: Lake, before: datetime, retention_days: int) -> int:
    """Take the text of refused rows out of `rejected_rows`; reason, table and run stay. Returns the rows.

    Erased is what was refused longer ago than the retention, and at once what names a row that was deleted before a
    time: nobody could tell otherwise what of it is a person's.
    """
    kept = [row for row in lake.read(REFUSED).to_pylist() if row["row"] != ERASED]
    if not kept:
        return 0
    deleted = read_deleted_keys(lake, min(row["at"] for row in kept), before)
    old = before - timedelta(days=retention_days)
    gone = (row for row in kept if row["at"] < old or not deleted.isdisjoint(WORD.findall(row["row"])))
    return lake.merge(REFUSED, [{**row, "row": ERASED} for row in gone])


def vacuum(lake: Lake, name: str, retention_days: int) -> int:
    """Remove files that no version of the last days needs, those of writers that were killed too. Returns how many."""
    handle = lake.open(name)
    # Retention is never below a day (schemas/settings.py): a writer's file is days old before it counts as nobody's.
    removed = handle.vacuum(
        retention_hours=retention_days * HOURS, dry_run=False, enforce_retention_duration=False, full=True
    )
    return len(removed)


def clean_up_log(lake: Lake, name: str) -> None:
    """Write a checkpoint, and remove commits of the log that are older than the retention and that it replaces."""
    handle = lake.open(name)
    handle.create_checkpoint()
    handle.cleanup_metadata()


def _parts(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + ERASED_AT_ONCE] for start in range(0, len(ids), ERASED_AT_ONCE))
