"""Stage `refresh`: applies the lake's `events` to the lake's copies of PostgreSQL's live tables, by MERGE on the key.

Without a day it continues at its cursor, the last version of `events` applied, one slice at a time. The cursor is an
application transaction of the last live table, so it moves only after all tables have applied the slice: after a kill
in between, the slice is applied again, and each row's `last_event_id` makes that idempotent. With `--day` all events of
that day are applied again, whenever they arrived; stale ones change nothing (docs/adr/0013-refresh.md).

Few changes of a table are written in this process, many by Spark.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.refresh.changes import Changes, compute_changes
from jobs.refresh.event_slice import EventSlice, read_day_slices, read_new_slices
from jobs.refresh.personal_fields import fill_personal_fields
from schemas.dags import REFRESH_APP_ID
from schemas.errors import ConflictError
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from stores.delta import lake
from stores.delta.commits import OutdatedError
from stores.delta.event_log import count_version_rows, list_days
from stores.postgres import connect
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

CURSOR_TABLE = LIVE_TABLES[-1]
"""The table whose log has the cursor of all of them."""
LEASE_WITHIN_S = 600
"""Time that a refresh waits for the lease while another one runs."""
COMPUTED_AT_MOST = 3
"""How often the changes of a table are computed: an attempt that was overtaken makes one more commit at most."""
REJECTED_NAMESPACE = uuid.UUID("0b6a7b0e-3f0c-5d52-9a5e-5a3f9b0f4c11")


def read_cursor() -> int | None:
    """The last version of `events` applied to all live tables, None before the first refresh. Needs no JVM."""
    return lake().transaction_version(CURSOR_TABLE.name, REFRESH_APP_ID)


def refresh(run_id: str) -> int:
    """Apply all new versions of `events` to the tables; returns the rows changed.

    Raises QualityError if rows violate their table's suite, ConflictError if `events` is older than the cursor.
    """
    latest, cursor = lake().version("events"), read_cursor()
    if cursor is not None and cursor > latest:
        raise ConflictError(
            f"the tables reflect version {cursor} of events, whose latest is {latest}: it was restored or recreated; "
            f"restore {', '.join(declared.name for declared in LIVE_TABLES)} to the same point in time"
        )
    first = 0 if cursor is None else cursor + 1
    if first > latest:
        return 0
    versions = count_version_rows(lake(), first, latest)
    changed = 0
    if versions[0][0] > first:
        # No refresh for longer than the log's retention: new events can no longer be told from old ones.
        changed = sum(replay(run_id, day.date()) for day in list_days(lake()))
    return changed + _apply_all(read_new_slices(lake(), versions), run_id)


def replay(run_id: str, day: date) -> int:
    """Apply all events of a day, UTC, again; returns the rows changed. Raises QualityError."""
    return _apply_all(read_day_slices(lake(), day), run_id)


def _apply_all(slices: Iterable[EventSlice], run_id: str) -> int:
    return sum(_apply_slice(events, run_id) for events in slices)


def _apply_slice(events: EventSlice, run_id: str) -> int:
    """Apply a slice to all tables, then move the cursor to its end. Returns the rows changed."""
    names, deletions = events.list_tables(), events.read_later_deletions(lake())
    changed = sum(
        _apply_to_table(declared, events.parse(declared), deletions.parse(declared), run_id)
        for declared in LIVE_TABLES
        if declared.name in names
    )
    if events.end is not None:
        lake().append_once(CURSOR_TABLE.name, [], app_id=REFRESH_APP_ID, version=events.end)
    return changed


def _apply_to_table(declared: Table, events: pa.Table, deletions: pa.Table, run_id: str) -> int:
    """Apply parsed events to one table; returns the rows changed.

    The changes are computed again if another commit comes in between: an attempt that was overtaken may still go on.
    Raises OutdatedError after COMPUTED_AT_MOST times.
    """
    for _ in range(COMPUTED_AT_MOST - 1):
        with suppress(OutdatedError):
            return _apply_once(declared, events, deletions, run_id)
    return _apply_once(declared, events, deletions, run_id)


def _apply_once(declared: Table, events: pa.Table, deletions: pa.Table, run_id: str) -> int:
    changes = compute_changes(lake(), declared, events, deletions)
    _record_rejected(run_id, declared, changes.rejected)
    if changes.rows.num_rows:
        _write(changes, run_id)
    return changes.rows.num_rows


def _write(changes: Changes, run_id: str) -> None:
    """Check the rows of one table and write them. Raises OutdatedError if the table's rows have changed meanwhile."""
    declared, rows = changes.declared, changes.rows
    with connect() as connection:
        rows = fill_personal_fields(connection, declared, rows)
    upserted = rows.filter(pc.equal(rows["event_kind"], "upserted"))
    if upserted.num_rows:
        check_rows(run_id, declared.name, upserted.select(declared.column_names))
    if declared.small_writer and rows.num_rows <= settings().refresh_small_events:
        lake().apply(declared.name, rows, born=changes.born, row_version=changes.row_version)
        return
    # Imported here: the import takes a second, and a small refresh does not need it.
    from jobs.spark.merge import merge_by_spark

    merge_by_spark(lake(), declared, rows, born=changes.born, row_version=changes.row_version)


def _record_rejected(run_id: str, declared: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rejected rows into `rejected_rows`, each once: a row rejected before keeps its first run."""
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


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    # One refresh at a time: two engines must never write to one table at the same time.
    with stage_attempt("refresh", arguments, opens=True, waits_s=LEASE_WITHIN_S) as attempt:
        if day := arguments.given_day:
            attempt.rows = replay(arguments.run_id, day)
            attempt.detail = f"{attempt.rows} rows changed; all events of {day}"
        else:
            attempt.rows = refresh(arguments.run_id)
            attempt.detail = f"{attempt.rows} rows changed; events up to version {read_cursor()}"


if __name__ == "__main__":
    main()
