"""Who uses an embedded server: the first one in starts it, the last one out stops it.

A holder keeps a shared `flock` for as long as it lives. The kernel drops the lock of a holder that is killed, so no
list of process ids can go stale, and an id that was given out again can't keep a server alive.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


class Lease:
    """One process's hold on the server whose lock files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holders: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process holds the server."""
        return self._holders is not None

    def enter(self, start: Callable[[], None]) -> None:
        """Hold the server; `start` runs alone among all processes and must do nothing to a server that runs."""
        if self._holders is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with _Gate(self._folder / "gate.lock"):
            start()
            holders = _open(self._folder / "holders.lock")
            fcntl.flock(holders, fcntl.LOCK_SH)
            self._holders = holders

    def again(self, start: Callable[[], None]) -> None:
        """Have `start` run alone among all processes once more, for a server that has died while we hold it."""
        with _Gate(self._folder / "gate.lock"):
            start()

    def leave(self, stop: Callable[[], None]) -> bool:
        """Let go; `stop` runs if nobody else holds the server. Returns whether it ran."""
        holders, self._holders = self._holders, None
        if holders is None:
            return False
        with _Gate(self._folder / "gate.lock"):
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            else:
                stop()
                return True
            finally:
                os.close(holders)


class _Gate:
    """One process at a time starts or stops the server."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._descriptor = _open(self._path)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
