"""A stack in a process of its own: what `newsreel demo` starts and may leave up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from newsreel.embedded.stack import START_TIMEOUT_S, running_stack
from newsreel.embedded.stack_state import StackState
from schemas.errors import DependencyError

Say = Callable[[str], None]

_STOP_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")
_SLACK_S = 30.0
_POLL_S = 0.2
_children: list[subprocess.Popen[bytes]] = []
"""Stacks that we started, held: Python warns of a child whose handle is dropped while it runs."""


def start_stack(home: Path, say: Say, *, api_port: int = 8080, keep: bool = False) -> StackState:
    """Start a stack in a process of its own and wait until it is healthy, or return the one that runs.

    `say` gets its progress. With `keep` it outlives this process; otherwise it is told to stop when this process
    ends, however that happens. Raises DependencyError with its last line where it does not come up.
    """
    home = home.absolute()
    state = running_stack(home)
    process = None if state else _started(home, api_port, keep=keep)
    log = _log_file(home)
    told = 0
    deadline = time.monotonic() + START_TIMEOUT_S + _SLACK_S
    while True:
        # Asked before its words are read: what it said until then is passed on in any case.
        state = running_stack(home)
        lines = log.read_text().splitlines() if process else []
        for line in lines[told:]:
            say(line)
        told = len(lines)
        if state and state.phase == "healthy":
            return state
        if process and process.poll() is not None:
            raise DependencyError(f"the stack did not start: {(lines or ['it said nothing'])[-1]}; see {log}")
        if time.monotonic() > deadline:
            raise DependencyError(f"the stack is not healthy, see {home / 'logs'}")
        time.sleep(_POLL_S)


def _started(home: Path, api_port: int, *, keep: bool) -> subprocess.Popen[bytes]:
    log = _log_file(home)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "newsreel", "up", "--port", str(api_port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*(() if keep else _STOP_WITH_PARENT), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NEWSREEL_HOME": str(home), "PYTHONSAFEPATH": "1"},
            start_new_session=True,
        )
    _children.append(process)
    return process


def _log_file(home: Path) -> Path:
    return home / "logs" / "stack.log"
