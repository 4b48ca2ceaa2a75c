"""Progress of a stage, reported from its elements to a callback of the caller.

Beam copies its functions before they run, so they cannot hold a callback; they hold the name of a ticket. For elements
that run in this process the ticket is found and counts; on a remote worker it is not, and no progress is shown.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnProgress = Callable[[int, int, str], None]
"""Called with (done, total, label), from any thread, one call at a time."""

_numbers = itertools.count(1)
_open: dict[str, _Ticket] = {}


class _Ticket:
    def __init__(self, on_progress: OnProgress, total: int, label: str) -> None:
        self._on_progress, self._total, self._label = on_progress, total, label
        self._done, self._lock = 0, threading.Lock()
        on_progress(0, total, label)

    def count(self) -> None:
        with self._lock:
            self._done += 1
            self._on_progress(self._done, self._total, self._label)


@contextmanager
def open_ticket(on_progress: OnProgress | None, total: int, label: str) -> Iterator[str]:
    """Open a ticket that `advance` counts on while the block runs; gives its name."""
    name = f"{label}-{next(_numbers)}"
    if on_progress is not None:
        _open[name] = _Ticket(on_progress, total, label)
    try:
        yield name
    finally:
        _open.pop(name, None)


def advance(name: str) -> None:
    """Count one finished element."""
    if (ticket := _open.get(name)) is not None:
        ticket.count()
