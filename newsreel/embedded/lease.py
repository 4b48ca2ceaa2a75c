"""Lease on an embedded server: the first holder starts it, the last one stops it.

A holder keeps a shared `flock` for as long as it lives. The kernel drops the lock of a holder that is killed, so no
list of process ids can go stale, and an id that was given out again can't keep a server alive.

Tests: tests/newsreel/embedded/test_postgres.py.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from stores.files import acquire_file_lock, file_lock


class Lease:
    """One process's hold on the server whose lock files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holders: int | None = None

    def acquire(self, start: Callable[[], None]) -> None:
        """Hold the server; `start` runs alone among all processes and must do nothing to a server that runs."""
        if self._holders is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._start_lock():
            start()
            self._holders = acquire_file_lock(self._folder / "holders.lock", exclusive=False)

    def run_alone(self, start: Callable[[], None]) -> None:
        """Run `start` alone among all processes once more, for a server that died while it is held."""
        with self._start_lock():
            start()

    def release(self, stop: Callable[[], None]) -> bool:
        """Let go; `stop` runs if no other process holds the server. Returns whether it ran."""
        holders, self._holders = self._holders, None
        if holders is None:
            return False
        with self._start_lock():
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            else:
                stop()
                return True
            finally:
                os.close(holders)

    def _start_lock(self) -> AbstractContextManager[None]:
        """Lock under which one process at a time starts or stops the server."""
        return file_lock(self._folder / "start.lock")
