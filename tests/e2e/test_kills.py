"""Kill points of an ingest: the same end state as an undisturbed run, no work repeated, no orphan processes.

The first six points of a seeded run of `newsreel bench kills`; the bench runs as many as one has time for.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from benchmarks.kill_point import KillPoint, draw_kill_point
from benchmarks.kills import WORKERS, Outcome, run_point, run_undisturbed

pytestmark = pytest.mark.timeout(3600)

SEED = 194
"""Seed whose first six points kill six different programs, half of them under a stack."""
POINTS = [draw_kill_point(number, SEED) for number in range(6)]


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[KillPoint, Future[Outcome]]]:
    """Outcome of each point, two at a time: each has a HOME of its own and waits for servers half of the time."""
    with ThreadPoolExecutor(2) as executor:
        undisturbed = executor.submit(run_undisturbed, print)
        yield {point: executor.submit(run_point, point, undisturbed.result) for point in POINTS}


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_next_attempt_ends_where_an_undisturbed_run_ends(
    point: KillPoint, outcomes: dict[KillPoint, Future[Outcome]]
) -> None:
    outcome = outcomes[point].result()
    assert outcome.problems == []
    assert outcome.orphans == 0
    assert outcome.redone == 0
    assert outcome.in_flight <= WORKERS
