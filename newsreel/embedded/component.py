"""One server of the stack: a child process in a group of its own that dies with us, its words in a log file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsreel.embedded.orphans import COMPONENT_VARIABLE, kill_orphans

DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
_LARGEST_LOG_BYTES = 20_000_000


class Component:
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
        self._command = [*DIE_WITH_PARENT, *command]
        self._environment = {**environment, COMPONENT_VARIABLE: name}
        self._stack_id = stack_id
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return at once. The log of earlier runs is kept up to a size."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > _LARGEST_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
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
        """Its process id, once it has been started."""
        return self._process.pid if self._process else None

    def ended(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def ask_to_end(self) -> None:
        """Send SIGTERM to its group, and return at once."""
        if self._process and self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGTERM)
            except ProcessLookupError:
                return

    def end(self, deadline: float) -> None:
        """Wait for it until `deadline` (`time.monotonic()`), then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def end_strays(self) -> None:
        """Kill what it has left behind, now that it has ended."""
        kill_orphans(self._stack_id, self.name)

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log_file.read_text(errors="replace").split("\n") if self.log_file.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
