"""Child process that cannot outlive the task, nor can its own children.

The program runs on a leash: a shell that leads a process group of its own and gets a signal when the task's process
dies (PR_SET_PDEATHSIG, set by `setpriv`, since Popen's `preexec_fn` is unsafe with threads). It then kills the group,
itself included. If the leash is killed, the program dies with it; and the task's process dies with its Airflow
supervisor.

Tests: tests/dags/test_child.py.
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
"""A shell's exit status for a program that signal n terminated is 128 + n (POSIX, 2.8.2)."""
_PR_SET_PDEATHSIG = 1
_LONGEST_DEATH_S = 5.0
_CHUNK_BYTES = 65_536


class Child:
    """One program, run to its end; its output goes to `say`, line by line."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._command = [*LEASH, *command]
        self._environment = dict(environment)
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run it to its end; returns its exit status, negative for a signal. No process of its group is left."""
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
            # Before it is reaped: until then its process id is not reused, so the group is certainly ours.
            self.kill()
            status = process.wait()
            if process.stdout:
                process.stdout.close()
        return _SHELL_SIGNALLED - status if status > _SHELL_SIGNALLED else status

    def kill(self) -> None:
        """Kill the whole group and wait until it is gone.

        Safe in a signal handler that interrupted `run`: it acquires none of Popen's locks.
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
            if not list_living_members(process.pid) or time.monotonic() > deadline:
                return
            time.sleep(0.01)

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Forward its output until it ends; a grandchild that keeps the pipe open does not block this."""
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
                            self._say_line(line)
                    if chunk == b"" and process.stdout in selector.get_map():
                        selector.unregister(process.stdout)
        finally:
            os.close(ended)
        if rest:
            self._say_line(rest)

    def _say_line(self, line: bytes) -> None:
        # A progress bar overwrites its own line: the last state is enough.
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        if text.strip():
            self._say(text)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it dies (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def list_living_members(group: int) -> list[int]:
    """List the process ids of a process group, without zombies (proc(5))."""
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
    """Read what is available: b"" at the end, None for nothing yet."""
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except BlockingIOError:
        return None
