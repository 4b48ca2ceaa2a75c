"""Rebuild of one table in a single commit: a live table from the lake's events, any other one without doubled rows.

A reader sees the old rows until that commit, and a rebuild that is killed has changed nothing.

Tests: tests/jobs/test_maintain_lake.py, tests/newsreel/test_tables.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.refresh.changes import compute_changes
from jobs.refresh.event_slice import read_day_slices
from jobs.refresh.personal_fields import fill_personal_fields
from jobs.refresh_tables import CURSOR_TABLE, read_cursor
from schemas.dags import REFRESH_APP_ID
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import LIVE_TABLES, table
from stores.delta import Lake, lake
from stores.delta.event_log import EVENTS, list_days
from stores.delta.key_index import index_folder
from stores.delta.maintenance_lock import maintenance_lock
from stores.delta.replacement import remove_doubled_rows, replace_by_copy
from stores.fence import Claim, fenced
from stores.postgres import connect
from stores.private_files import private_folder
from stores.stage import TABLES_SCOPE

FOLDER = "rebuild"
LEASE_WITHIN_S = 600
"""Time that a rebuild waits for a refresh or for the nightly maintenance."""


def rebuild(name: str, run_id: str) -> int:
    """Rebuild a table; returns the number of its rows afterwards.

    Raises NotFoundError for an unknown table, ConflictError if another program works on the tables for too long or
    maintains this one, StorageError if a file is damaged and the table cannot be made from events.
    """
    declared = table(name)
    claim = Claim(TABLES_SCOPE, run_id, "rebuild", 1, opens=True, waits_s=LEASE_WITHIN_S)
    with fenced(claim), maintenance_lock(lake(), name, f"run {run_id}"):
        if declared in LIVE_TABLES:
            return _rebuild_from_events(declared)
        before, cursor = lake().version(name), read_cursor()
        removed = remove_doubled_rows(lake(), name)
        if removed and name == EVENTS and cursor == before and lake().version(name) == before + 1:
            # The rows of the new version are in the tables already.
            lake().append_once(CURSOR_TABLE.name, [], app_id=REFRESH_APP_ID, version=before + 1)
        return int(lake().open(name).count())


def _rebuild_from_events(declared: Table) -> int:
    """Apply all events to an empty copy of the table, then replace the table by it."""
    with _empty_copy(declared) as copy:
        for day in list_days(lake()):
            for events in read_day_slices(lake(), day.date()):
                deletions = events.read_later_deletions(lake()).parse(declared)
                changes = compute_changes(copy, declared, events.parse(declared), deletions)
                if changes.rows.num_rows:
                    with connect() as connection:
                        rows = fill_personal_fields(connection, declared, changes.rows)
                    copy.apply(declared.name, rows, born=changes.born, row_version=changes.row_version)
        return replace_by_copy(lake(), declared.name, copy)


@contextmanager
def _empty_copy(declared: Table) -> Iterator[Lake]:
    """An empty lake under HOME, removed after the block. What a killed rebuild left is removed first."""
    folder = settings().home / FOLDER
    copy = Lake(folder.as_uri())

    def remove() -> None:
        for leftover in (index_folder(copy, declared), folder):
            shutil.rmtree(leftover, ignore_errors=True)

    remove()
    private_folder(folder)
    try:
        copy.ensure()
        yield copy
    finally:
        remove()
