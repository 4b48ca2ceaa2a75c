"""How far a stage has come, from wherever its elements run to whoever shows it.

Beam copies its functions before they run, so they can't hold a callback; they hold a ticket's name. Where the elements
run in this process the ticket is found and counts; on a remote worker it is not, and nothing is shown until the end.
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
    """The name of a ticket that `advance` counts on while the block runs."""
    name = f"{label}-{next(_numbers)}"
    if on_progress is not None:
        _open[name] = _Ticket(on_progress, total, label)
    try:
        yield name
    finally:
        _open.pop(name, None)


def advance(name: str) -> None:
    """One more element is done."""
    if (ticket := _open.get(name)) is not None:
        ticket.count()
