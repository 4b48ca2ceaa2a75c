"""Running program of the stack: a child process in a group of its own that dies with us and writes a log file.

A program that was killed by a signal is started again, however often. One that ends by itself `EARLY_EXITS` times in a
row, each time within `EARLY_EXIT_S` of its start, will not do better the next time: the stack gives up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from newsreel.embedded.orphans import COMPONENT_VARIABLE, STACK_VARIABLE, kill_orphans
from schemas.errors import DependencyError

DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
EARLY_EXITS = 4
EARLY_EXIT_S = 60.0
START_SPACING_S = 1.0
"""Shortest time between two starts: a program that crashes on import must not take the machine."""
_LARGEST_LOG_BYTES = 20_000_000
_LAST_LINES_BYTES = 65_536


class ComponentProcess:
    """A program that runs for as long as the stack does."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        stack_id: str,
        log_folder: Path,
    ) -> None:
        self.name = name
        self.log_file = log_folder / f"{name}.log"
        self.started = datetime.now(UTC)
        """Time of the last start."""
        self._command = [*DIE_WITH_PARENT, *command]
        # Programs that set their title (Airflow's) write it over their environment otherwise, and could not be found.
        self._environment = {
            **environment, "SPT_NOENV": "1", STACK_VARIABLE: stack_id, COMPONENT_VARIABLE: name,
        }  # fmt: skip
        self._stack_id = stack_id
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._early_exits = 0

    def start(self) -> None:
        """Start the program, and return at once. The log of earlier runs is kept up to a size."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > _LARGEST_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        self.started, self._started_s = datetime.now(UTC), time.monotonic()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self._environment),
                process_group=0,
            )

    @property
    def pid(self) -> int | None:
        """Process id, once it has been started."""
        return self._process.pid if self._process else None

    def exit_status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def restart_if_ended(self) -> str | None:
        """Start it again if it has ended; returns what happened, None if nothing did.

        Raises DependencyError with the last line of its log where it keeps ending by itself.
        """
        status = self.exit_status()
        if status is None or time.monotonic() - self._started_s < START_SPACING_S:
            return None
        last_line = self.read_last_line()
        self.kill_orphans()
        if status < 0:
            event = f"{self.name} was killed (signal {-status}), starting it again"
        else:
            event = f"{self.name} has ended (exit status {status}), starting it again: {last_line}"
            self._count_exit(status, last_line)
        self.start()
        return event

    def replace(self) -> None:
        """Kill the program and its children, and start it again: for one that is alive, but hangs."""
        if self._process:
            # Not SIGTERM: a process that hangs may not handle it.
            self._process.kill()
            self._process.wait()
        self.kill_orphans()
        self.start()

    def forgive(self) -> None:
        """Forget earlier exits: they were the fault of a server that had died."""
        self._early_exits = 0

    def request_stop(self) -> None:
        """Send SIGTERM to its process group, and return at once."""
        if self._process and self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGTERM)
            except ProcessLookupError:
                return

    def wait_stopped(self, deadline: float) -> None:
        """Wait for its end until `deadline` (`time.monotonic()`), then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill_orphans(self) -> None:
        """Kill what it has left behind, once it has ended."""
        kill_orphans(self._stack_id, self.name)

    def read_last_line(self) -> str:
        """Last line of its log."""
        if not self.log_file.exists():
            return "it logged nothing"
        with self.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_LINES_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it logged nothing")

    def _count_exit(self, status: int, last_line: str) -> None:
        early = time.monotonic() - self._started_s < EARLY_EXIT_S
        self._early_exits = self._early_exits + 1 if early else 0
        if self._early_exits >= EARLY_EXITS:
            raise DependencyError(
                f"{self.name} keeps ending (exit status {status}): {last_line}; see {self.log_file}"
            )
