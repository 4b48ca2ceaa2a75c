"""Maintenance of the lake's tables: compaction, erasure of deleted and rejected content, vacuum, clean-up of the log.

None of it disturbs a reader or a writer: compaction and erasure are commits like others, and only files that no version
within the retention needs are removed (Delta protocol, "Vacuum"). The caller holds the table's `maintenance_lock`.

Tests: tests/jobs/test_maintain_lake.py.
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

from schemas.errors import StageError
from schemas.tables import table
from stores.delta.commits import ON_THIS_VERSION, commit_with_retry
from stores.delta.event_log import EVENTS, read_deleted_keys
from stores.delta.key_digests import list_files, sum_digests
from stores.delta.lake import Lake
from stores.delta.query import build_predicate, run_query
from stores.fence import guarded

SMALL_BYTES = 32 << 20
TARGET_BYTES = 128 << 20
ROW_GROUP_ROWS = 128 << 10
"""Smaller than the default of a million, so that a reader can skip more: the newest hundred of 20 M events take 0.04 s
instead of 0.20 s, and other queries are up to twice as fast."""
SMALL_FILES = 8
"""A table with fewer small files is not compacted."""
ERASED_AT_ONCE = 2_000
"""Rows of `events` that one statement deletes by id."""
HOURS = 24
REJECTED = "rejected_rows"
ERASED = "(erased)"
"""Replaces the text of a rejected row."""
WORD = re.compile(r"[A-Za-z0-9._~-]+")
"""A run of characters of ids."""


@dataclass(frozen=True)
class Size:
    """Size of a table's newest version."""

    rows: int
    files: int
    size_bytes: int


def measure_size(lake: Lake, name: str) -> Size:
    """The size of a table's newest version, from its log alone."""
    files = pa.table(lake.open(name).get_add_actions(flatten=True))
    return Size(
        rows=sum(filter(None, files["num_records"].to_pylist())) if files.num_rows else 0,
        files=files.num_rows,
        size_bytes=sum(files["size_bytes"].to_pylist()) if files.num_rows else 0,
    )


def compact(lake: Lake, name: str) -> int:
    """Compact small files, preserving their order; returns by how many the number of files decreased.

    Order keeps rows of one time together, so that a query for a time opens few files. If another commit removes one of
    the files meanwhile nothing is changed: the next run tries again.
    """
    handle = lake.open(name)
    sizes = pa.table(handle.get_add_actions(flatten=True))["size_bytes"].to_pylist()
    if sum(size < SMALL_BYTES for size in sizes) < SMALL_FILES:
        return 0
    with suppress(CommitFailedError), guarded():
        metrics = handle.optimize.compact(
            target_size=TARGET_BYTES,
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP_ROWS),
        )
        _check_moved_rows(lake, name, handle.version())
        return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"])
    return 0


def _check_moved_rows(lake: Lake, name: str, version: int) -> None:
    """Compare the keys of the files that a compaction added with those of the files that it removed.

    A difference means that another process, which did not hold the lock, compacted the table as well. The version is
    then rolled back, unless others follow it already. Raises StageError.
    """
    before = list_files(lake.open(name, as_of=version - 1))
    after = list_files(lake.open(name, as_of=version))
    removed = sum_digests(table(name), [before[path] for path in before.keys() - after.keys()])
    added = sum_digests(table(name), [after[path] for path in after.keys() - before.keys()])
    if removed == added:
        return
    rolled_back = False
    handle = lake.open(name)
    if handle.version() == version:
        with suppress(CommitFailedError):
            handle.restore(version - 1, commit_properties=ON_THIS_VERSION)
            rolled_back = True
    remedy = "it was rolled back" if rolled_back else f"`newsreel rebuild {name}` removes the doubled rows"
    raise StageError(
        f"table {name}: the compaction in version {version} read {removed[0]} rows and wrote {added[0]}, because "
        f"another program compacted the table at the same time; {remedy}"
    )


def erase_deleted(lake: Lake, before: datetime) -> int:
    """Delete from `events` the earlier events of rows that were deleted before a time; returns their number.

    The deletions themselves stay. A deleted text, also one of a deleted account, is then in no file once older versions
    are vacuumed. The tables do not change, and a replay derives the same ones: a deletion overtakes all before it.
    """
    query = f"""
        SELECT e.event_id FROM {EVENTS} e JOIN (
            SELECT table_name, row_key, max(event_id) AS deleted_by FROM {EVENTS}
            WHERE kind = 'deleted' AND at < TIMESTAMP '{before.isoformat()}' GROUP BY table_name, row_key
        ) d ON e.table_name = d.table_name AND e.row_key = d.row_key
        WHERE e.kind = 'upserted' AND e.event_id < d.deleted_by ORDER BY e.event_id
    """
    ids = run_query({EVENTS: lake.open(EVENTS)}, query)["event_id"].unique().to_pylist()
    erased = 0
    for part in _split(ids):
        erased += _delete_events(lake, part)
    return erased


def _delete_events(lake: Lake, ids: list[int]) -> int:
    condition = build_predicate(table(EVENTS), {"event_id": ids})

    def attempt() -> int:
        metrics = lake.open(EVENTS).delete(condition, commit_properties=ON_THIS_VERSION)
        return int(metrics["num_deleted_rows"])

    return commit_with_retry(EVENTS, attempt)


def erase_rejected(lake: Lake, before: datetime, retention_days: int) -> int:
    """Erase the text of rows in `rejected_rows`; reason, table and run stay. Returns the number of rows.

    Erased are rows that were rejected longer ago than the retention, and at once those that name a key which was
    deleted before a time, because it cannot be told which part of them belongs to a person.
    """
    rows = [row for row in lake.read(REJECTED).to_pylist() if row["row"] != ERASED]
    if not rows:
        return 0
    deleted = read_deleted_keys(lake, min(row["at"] for row in rows), before)
    oldest = before - timedelta(days=retention_days)
    expired = (row for row in rows if row["at"] < oldest or not deleted.isdisjoint(WORD.findall(row["row"])))
    return lake.merge(REJECTED, [{**row, "row": ERASED} for row in expired])


def vacuum(lake: Lake, name: str, retention_days: int) -> int:
    """Remove files that no version within the retention needs, also those of killed writers; returns their number."""
    handle = lake.open(name)
    # Retention is at least a day (schemas/settings.py), so the file of a running writer is never old enough.
    removed = handle.vacuum(
        retention_hours=retention_days * HOURS, dry_run=False, enforce_retention_duration=False, full=True
    )
    return len(removed)


def clean_up_log(lake: Lake, name: str) -> None:
    """Write a checkpoint, and remove the commits before it that are older than the retention."""
    handle = lake.open(name)
    handle.create_checkpoint()
    handle.cleanup_metadata()


def _split(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + ERASED_AT_ONCE] for start in range(0, len(ids), ERASED_AT_ONCE))
