"""Lock of a table's maintenance: one process at a time compacts and vacuums it, for as long as its process lives.

Nothing takes it over, unlike a fence: a process that is stopped (SIGSTOP) and goes on later still commits its
compaction, and two compactions of one table double its rows (findings/deltalake-two-compactions-double-rows.sh). Where
the lake is a folder it is an flock(2) beside the table's folder; elsewhere an advisory lock of PostgreSQL, which ends
with the session: the check after each compaction covers a server that was restarted meanwhile.

Tests: tests/jobs/test_maintain_lake.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from schemas.errors import ConflictError
from stores.delta.lake import Lake
from stores.files import acquire_file_lock
from stores.postgres import advisory_lock_id, connect

HOLDER_BYTES = 200


class TableBusyError(ConflictError):
    """Another process maintains the table."""


@contextmanager
def maintenance_lock(lake: Lake, name: str, holder: str) -> Iterator[None]:
    """Hold the lock for the block. Raises TableBusyError, which names the other's `holder`, where a process has it."""
    parts = urlsplit(lake.uri)
    if parts.scheme == "file":
        with _folder_lock(Path(unquote(parts.path)) / f".{name}.maintenance", name, holder):
            yield
    else:
        with _session_lock(lake.location(name), name):
            yield


@contextmanager
def _folder_lock(path: Path, name: str, holder: str) -> Iterator[None]:
    try:
        descriptor = acquire_file_lock(path, wait=False)
    except BlockingIOError:
        other = path.read_text(errors="replace")
        raise TableBusyError(f"table {name} is being maintained by {other}; it is left out") from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder}, process {os.getpid()}".encode()[:HOLDER_BYTES], 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _session_lock(location: str, name: str) -> Iterator[None]:
    with connect() as connection:
        query = "SELECT pg_try_advisory_lock(%s) AS taken"
        row = connection.execute(query, (advisory_lock_id("maintenance", location),)).fetchone()
        connection.commit()  # the lock belongs to the session; an idle transaction would keep back vacuum
        if not row or not row["taken"]:
            raise TableBusyError(f"table {name} is being maintained by another process; it is left out")
        yield
