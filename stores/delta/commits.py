"""Conditional commits: each is made on the version of the table that it was computed from, or computed again.

delta-rs retries a commit that another one overtook, on the newest version, if its conflict check finds no overlap. That
check is not relied on: it knows neither rows that were looked up before the commit nor compactions
(findings/deltalake-two-compactions-double-rows.sh). So every commit has `max_commit_retries=0`: it becomes the version
after the one of its handle, or fails. A process that was stopped and goes on later can then commit only what is still
right, whatever its fence (stores/fence.py) has become meanwhile.

Changes that are computed before their commit, as a refresh's, are made against a **row version** of their table: the
number of such commits, kept in the log as an application transaction. The commit is refused once that has moved on.
Spark's conflict check knows application transactions too, so both engines refuse each other's outdated changes
(jobs/spark/merge.py).

Tests: tests/stores/delta/test_lake.py, tests/jobs/test_overtaken_refresh.py.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from schemas.errors import ConflictError, StorageError
from schemas.settings import settings
from stores.fence import guarded

T = TypeVar("T")

COMMIT_ATTEMPTS = 12
COMMIT_BACKOFF_S = 0.05
ROW_VERSION = "row_version"
"""Application transaction that counts a table's commits of changes that were computed before."""
ON_THIS_VERSION = CommitProperties(max_commit_retries=0)


class OutdatedError(ConflictError):
    """The table's rows were changed after the changes to commit had been computed: they have to be computed again."""


def commit_with_retry(name: str, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, retried with backoff from the newest version while it conflicts with other commits.

    Raises ConflictError after COMMIT_ATTEMPTS, or if this process's stage was overtaken.
    """
    for number in range(COMMIT_ATTEMPTS):
        try:
            with guarded(), storage_errors():
                return attempt()
        except CommitFailedError:
            time.sleep(COMMIT_BACKOFF_S * 2 ** min(number, 5))
    raise ConflictError(f"table {name}: {COMMIT_ATTEMPTS} commits conflicted with other writers; try again")


def read_row_version(handle: DeltaTable) -> int:
    """The row version of the handle's version of a table; 0 before the first such commit."""
    return handle.transaction_version(ROW_VERSION) or 0


def require_row_version(handle: DeltaTable, row_version: int) -> CommitProperties:
    """Properties of a commit of changes that were computed at a row version. Raises OutdatedError if it is another."""
    if (current := read_row_version(handle)) != row_version:
        raise OutdatedError(
            f"{handle.table_uri}: its rows were changed by another writer (row version {current}, not {row_version}); "
            "try again"
        )
    return mark_transaction(ROW_VERSION, row_version + 1)


def mark_transaction(app_id: str, version: int) -> CommitProperties:
    """Properties of a commit that is recorded as application transaction `version` of `app_id`."""
    return CommitProperties(app_transactions=[Transaction(app_id, version)], max_commit_retries=0)


def is_recorded(handle: DeltaTable, app_id: str, version: int) -> bool:
    """Whether the handle's version of a table has the application transaction or a later one."""
    newest = handle.transaction_version(app_id)
    return newest is not None and newest >= version


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageError for a full disk, which delta-rs reports by several types of errors, in their text alone."""
    try:
        yield
    except (DeltaError, OSError) as error:
        if (full := os.strerror(errno.ENOSPC)) not in str(error):
            raise
        raise StorageError.from_os_error(OSError(errno.ENOSPC, full, settings().lake_uri)) from error
