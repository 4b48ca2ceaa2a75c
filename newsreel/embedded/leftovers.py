"""Stop of a stack by another process, and of what a killed stack has left running.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from newsreel.embedded.components import COMPONENTS
from newsreel.embedded.orphans import kill_orphans
from newsreel.embedded.stack_state import read_state, remove_state, running_stack, scheduling_lock
from schemas.errors import ConflictError

_DOWN_TIMEOUT_S = 20.0


def stop_stack(home: Path) -> bool:
    """Stop the stack of this HOME, and what a killed one has left behind; returns whether there was anything.

    Raises ConflictError if it does not end.
    """
    home = home.absolute()
    state = running_stack(home)
    if state is None:
        try:
            with scheduling_lock(home, alone=True):
                return stop_leftovers(home)
        except ConflictError:
            return False
    with suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_TIMEOUT_S
    while state.alive:
        if time.monotonic() > deadline:
            raise ConflictError(f"the stack (process {state.pid}) does not end; see {home / 'logs'}")
        time.sleep(0.05)
    stop_leftovers(home)
    return True


def stop_leftovers(home: Path) -> bool:
    """Stop what a killed stack has left running; returns whether there was one. Call it while no stack runs."""
    state = read_state(home)
    if state is None or state.alive:
        return False
    kill_orphans(state.stack_id)
    for component in COMPONENTS:
        if component.server:
            server = component.server(home)
            server.adopt()
            server.stop()
    remove_state(home)
    return True
