"""Progress: every element is counted if there is a callback, and nothing happens without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.progress import advance, open_ticket


def test_calls_come_one_at_a_time_and_in_order() -> None:
    calls: list[tuple[Any, ...]] = []
    with open_ticket(lambda *call: calls.append(call), 50, "work") as ticket, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: advance(ticket), range(50)))
    assert calls == [(done, 50, "work") for done in range(51)]


def test_a_ticket_that_nobody_holds_counts_nothing() -> None:
    calls: list[tuple[Any, ...]] = []
    with open_ticket(lambda *call: calls.append(call), 1, "work") as ticket:
        pass
    advance(ticket)
    with open_ticket(None, 1, "work") as unwatched:
        advance(unwatched)
    assert calls == [(0, 1, "work")]
