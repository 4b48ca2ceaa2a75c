"""Processes in tests: programs that a failed test leaves none of, and waiting for what another process does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import psutil

SOON_S = 120.0
"""A bound on failure, not a promise: long enough for a machine on which much else runs."""


class ChildProgram(subprocess.Popen[str]):
    """A `Popen` for `with`: waits for the program's end, or kills it and its descendants if the block raises."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        super().__init__(command, text=True, **options)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            kill_tree(self.pid)
        try:
            super().__exit__(kind, error, trace)
        except BaseException:  # the test's time limit, while it waits
            kill_tree(self.pid)
            self.wait()
            raise


def newsreel(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as typed, in the environment of the test."""
    return subprocess.run(
        [sys.executable, "-m", "newsreel", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all its descendants."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        kill_all([process, *process.children(recursive=True)])


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL those of the processes that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that only waits to be reaped has."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until(holds: Callable[[], bool], within_s: float = SOON_S) -> bool:
    """Whether a condition comes to hold within so many seconds."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
