"""Stage `refresh`: the lake's `events` become the tables that PostgreSQL holds live, by MERGE on their key.

Without a day it goes on from the version of `events` that the last commit covers, a slice at a time. The version is an
application transaction of the last live table, so it moves only after all tables took the slice: killed in between, the
slice is taken again, and each row's `last_event_id` keeps it from changing twice. With `--day` it takes all events of
that day once more, whenever they came; what the tables show already changes nothing (docs/adr/0013-refresh.md).

Few changes of a table are written in this process, many by Spark.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow.compute as pc

from jobs.refresh.changes import Changes, changes
from jobs.refresh.event_slice import EventSlice, new_slices, slices_of_day
from jobs.refresh.personal_fields import with_personal_fields
from schemas.dags import REFRESH_APP_ID
from schemas.errors import ConflictError
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from stores.delta import lake
from stores.delta.event_log import days, version_rows
from stores.postgres import connect
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

CURSOR_TABLE = LIVE_TABLES[-1]
"""The table merged last; its commits say how far all of them have come."""
TURN_WITHIN_S = 600
"""How long a refresh waits while another one is at work."""
REJECTED_NAMESPACE = uuid.UUID("0b6a7b0e-3f0c-5d52-9a5e-5a3f9b0f4c11")


def refreshed_version() -> int | None:
    """The version of `events` that the live tables in the lake show, None before the first refresh. No JVM."""
    return lake().transaction_version(CURSOR_TABLE.name, REFRESH_APP_ID)


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
    first = 0 if done is None else done + 1
    if first > latest:
        return 0
    versions = version_rows(lake(), first, latest)
    changed = 0
    if versions[0][0] > first:
        # Nobody has refreshed for longer than the log is kept: what is new cannot be told from what is old.
        changed = sum(replay(run_id, day.date()) for day in days(lake()))
    return changed + _take_all(new_slices(lake(), versions), run_id)


def replay(run_id: str, day: date) -> int:
    """Take all events of a day, UTC, once more; returns the rows changed. Raises QualityError."""
    return _take_all(slices_of_day(lake(), day), run_id)


def _take_all(slices: Iterable[EventSlice], run_id: str) -> int:
    return sum(_take(events, run_id) for events in slices)


def _take(events: EventSlice, run_id: str) -> int:
    """Take a slice into all tables, then record its end. Returns the rows changed."""
    touched, gone = events.tables(), events.later_deletions(lake())
    changed, recorded = 0, False
    for declared in (declared for declared in LIVE_TABLES if declared.name in touched):
        found = changes(lake(), declared, events.of(declared), gone.of(declared))
        _keep_rejected(run_id, declared, found.refused)
        if found.rows.num_rows:
            recorded = declared == CURSOR_TABLE and events.end is not None
            _write(found, run_id, events.end if recorded else None)
            changed += found.rows.num_rows
    if not recorded and events.end is not None:
        lake().append_once(CURSOR_TABLE.name, [], app_id=REFRESH_APP_ID, version=events.end)
    return changed


def _write(found: Changes, run_id: str, version: int | None) -> None:
    """Check the rows of one table and write them, as the application transaction `version` where there is one."""
    declared, rows = found.declared, found.rows
    with connect() as connection:
        rows = with_personal_fields(connection, declared, rows)
    upserted = rows.filter(pc.equal(rows["event_kind"], "upserted"))
    if upserted.num_rows:
        check_rows(run_id, declared.name, upserted.select(declared.column_names))
    if declared.small_writer and rows.num_rows <= settings().refresh_small_events:
        lake().take(declared.name, rows, born=found.born, app_id=REFRESH_APP_ID, version=version)
        return
    # Imported here: it takes a second, and a small refresh needs none of it.
    from jobs.spark.merge import merge_by_spark

    merge_by_spark(lake(), declared, rows, born=found.born, app_id=REFRESH_APP_ID, version=version)


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


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    # One refresh at a time: two engines must never write to one table at once.
    with stage_attempt("refresh", arguments, opens=True, waits_s=TURN_WITHIN_S) as attempt:
        if day := arguments.given_day:
            attempt.rows = replay(arguments.run_id, day)
            attempt.detail = f"{attempt.rows} rows changed; all events of {day}"
        else:
            attempt.rows = refresh(arguments.run_id)
            attempt.detail = f"{attempt.rows} rows changed; events up to version {refreshed_version()}"


if __name__ == "__main__":
    main()
