"""A child process that cannot outlive the task, nor can anything that it starts.

The program runs on a leash: a shell that leads a process group of its own, and that the kernel tells when the task's
process dies (PR_SET_PDEATHSIG, set by `setpriv`, since Popen's `preexec_fn` is unsafe beside threads). It then kills
the group, itself included. Is the leash killed, the program dies with it; and the task's process itself dies with
Airflow's supervisor of it.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LEASH = (
    *("setpriv", "--pdeathsig", "TERM", "--"),
    *("sh", "-c", 'trap "kill -KILL 0" TERM; "$@" & wait $!', "leash"),
    *("setpriv", "--pdeathsig", "KILL", "--"),
)
_SHELL_SIGNALLED = 128
"""A shell's status for a program that signal n has ended is 128 + n (POSIX, 2.8.2)."""
_PR_SET_PDEATHSIG = 1
_LONGEST_DEATH_S = 5.0
_CHUNK_BYTES = 65_536


class Child:
    """One program, run to its end; what it prints goes to `say`, line by line."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._command = [*LEASH, *command]
        self._environment = dict(environment)
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start it and wait; returns its exit status, negative for a signal. Nothing of its group is left behind."""
        die_with_parent()
        self._process = process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            process_group=0,
        )
        try:
            self._follow(process)
        finally:
            # Before it is reaped: until then nobody else can get its process id, so the group is certainly ours.
            self.kill()
            status = process.wait()
            if process.stdout:
                process.stdout.close()
        return _SHELL_SIGNALLED - status if status > _SHELL_SIGNALLED else status

    def kill(self) -> None:
        """Kill the whole group and wait until it is gone.

        Safe in a signal handler that interrupted `run`: it takes none of Popen's locks.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return
        deadline = time.monotonic() + _LONGEST_DEATH_S
        while True:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            if not living_members(process.pid) or time.monotonic() > deadline:
                return
            time.sleep(0.01)

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Pass its output on until it ends; a grandchild that keeps the pipe open does not hold us up."""
        assert process.stdout is not None
        ended = os.pidfd_open(process.pid)
        rest = b""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                selector.register(ended, selectors.EVENT_READ)
                os.set_blocking(process.stdout.fileno(), False)
                running = True
                while running:
                    ready = {key.fd for key, _ in selector.select()}
                    running = ended not in ready
                    while chunk := _read(process.stdout.fileno()):
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            self._tell(line)
                    if chunk == b"" and process.stdout in selector.get_map():
                        selector.unregister(process.stdout)
        finally:
            os.close(ended)
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        # A progress bar writes over its own line: the last state of it is enough.
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        if text.strip():
            self._say(text)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it dies (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def living_members(group: int) -> list[int]:
    """The process ids of a process group, those that have ended and wait to be reaped apart (proc(5))."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The program's name, in parentheses, may hold spaces; state, parent and group follow it.
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state not in "ZX":
            members.append(int(folder.name))
    return members


def _read(descriptor: int) -> bytes | None:
    """What there is to read; b"" at the end, None for nothing yet."""
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except BlockingIOError:
        return None
