"""Base of the embedded servers: a daemon of one HOME, shared by processes that each hold a lease on it.

Tests: tests/newsreel/embedded/test_postgres.py, tests/newsreel/embedded/test_redis.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from newsreel.embedded.lease import Lease

KILL_TIMEOUT_S = 5.0


class EmbeddedServer(ABC):
    """One holder's view of a server under `folder`; a context manager that starts and stops it."""

    name: ClassVar[str]
    folder: Path
    """Files of the server and, in `locks`, of its lease."""
    notice: str | None = None
    """What an operator should know about the last start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lease = Lease(folder / "locks")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server unless it runs, and hold it. Raises DependencyError with the end of its log."""
        self._make_folder()
        self._lease.acquire(self._ensure_running)

    def stop(self) -> bool:
        """Release the server; the last holder stops it. Returns whether it was stopped."""
        return self._lease.release(self._shut_down)

    def restart_if_dead(self) -> bool:
        """Start the server again if its process is gone while we hold it; returns whether it was. Cheap if it lives."""
        if self.pid is not None:
            return False
        self._lease.run_alone(self._ensure_running)
        return True

    def adopt(self) -> None:
        """Hold the server, if it runs, without starting it: what a killed holder left can then be stopped."""
        if self.folder.exists():
            self._lease.acquire(lambda: None)

    @property
    def pid(self) -> int | None:
        """Process id of the server; None where it does not run.

        Its pid file alone does not tell: after a SIGKILL it names a process that is gone, or another program.
        """
        try:
            pid = int(self._pid_file.read_text().split("\n", 1)[0])
            works_here = Path(f"/proc/{pid}/cwd").readlink() == self._work_folder.resolve()
        except (OSError, ValueError):
            return None
        return pid if works_here else None

    def _kill(self) -> None:
        """SIGKILL the server and its children if they still run: one that is stopped or stalled hears nothing else."""
        if (pid := self.pid) is None:
            return
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(pid)
            family = [server, *server.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=KILL_TIMEOUT_S)

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the server answers."""

    @property
    @abstractmethod
    def log_file(self) -> Path:
        """Log of the server."""

    @property
    @abstractmethod
    def _pid_file(self) -> Path:
        """File whose first line is the id of the server's process."""

    @property
    @abstractmethod
    def _work_folder(self) -> Path:
        """Working directory of the server's process: no other program of this machine works there."""

    @abstractmethod
    def _make_folder(self) -> None:
        """Create `folder`, closed to other users."""

    @abstractmethod
    def _ensure_running(self) -> None:
        """Start the server unless it runs, and wait until it answers. Raises DependencyError."""

    @abstractmethod
    def _shut_down(self) -> None:
        """Stop the server, and wait until it has stopped."""
