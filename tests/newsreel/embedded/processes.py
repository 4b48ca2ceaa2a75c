"""What tests ask about processes."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until(holds: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Whether something comes to hold within so many seconds."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
