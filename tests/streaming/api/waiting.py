"""Waiting for what comes by itself, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

BUSY = 3
"""A promise holds on an idle machine; on one that does much else it may take so many times as long."""


def wait_for(read: Callable[[], Any], wanted: Any, *, within_s: float) -> None:
    """Read until it is what is wanted. AssertionError with what was read last."""
    deadline = time.monotonic() + BUSY * within_s
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"{found} after {BUSY * within_s} s, not {wanted}"
        time.sleep(0.05)  # more would be over the API's limits
