"""Stack in a process of its own: `newsreel demo` starts one, and may leave it up.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from newsreel.embedded.stack import START_TIMEOUT_S
from newsreel.embedded.stack_state import StackState, running_stack
from schemas.errors import DependencyError

Say = Callable[[str], None]

_STOP_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")
_SLACK_S = 30.0
_POLL_S = 0.2
_children: list[subprocess.Popen[bytes]] = []
"""Handles of the stacks that this process started: Python warns of one that is dropped while its child runs."""


def start_stack(home: Path, say: Say, *, api_port: int = 8080, keep: bool = False) -> StackState:
    """Start a stack in a process of its own and wait until it is healthy, or return the one that runs.

    `say` gets its progress. With `keep` it outlives this process; otherwise it gets SIGTERM when this process ends,
    however that happens. Raises DependencyError with its last line where it does not come up.
    """
    home = home.absolute()
    state = running_stack(home)
    process = None if state else _start(home, api_port, keep=keep)
    log = _log_file(home)
    printed = 0
    deadline = time.monotonic() + START_TIMEOUT_S + _SLACK_S
    while True:
        # Before its log is read: all that it logged until it was healthy is passed on.
        state = running_stack(home)
        lines = log.read_text().splitlines() if process else []
        for line in lines[printed:]:
            say(line)
        printed = len(lines)
        if state and state.phase == "healthy":
            return state
        if process and process.poll() is not None:
            raise DependencyError(
                f"the stack did not start: {(lines or ['it logged nothing'])[-1]}; see {log}"
            )
        if time.monotonic() > deadline:
            raise DependencyError(f"the stack is not healthy, see {home / 'logs'}")
        time.sleep(_POLL_S)


def _start(home: Path, api_port: int, *, keep: bool) -> subprocess.Popen[bytes]:
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
