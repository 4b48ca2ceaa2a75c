"""Killed anywhere: the end state of an undisturbed run, no work lost that was done, nothing left running.

The first six points of a seeded run of `newsreel bench kills`; the bench runs as many as one has time for.
"""

from __future__ import annotations

import pytest

from benchmarks.kill_point import KillPoint, kill_point
from benchmarks.kills import WORKERS, EndState, kill, undisturbed_state

pytestmark = pytest.mark.timeout(900)

SEED = 194
"""One whose first six points have six victims, half of them under a stack."""
POINTS = [kill_point(number, SEED) for number in range(6)]


@pytest.fixture(scope="module")
def undisturbed() -> EndState:
    """What a run leaves that nobody disturbs."""
    return undisturbed_state(print)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_next_attempt_ends_where_an_undisturbed_run_ends(point: KillPoint, undisturbed: EndState) -> None:
    outcome = kill(point, undisturbed)
    assert outcome.problems == []
    assert outcome.orphans == 0
    assert outcome.redone == 0
    assert outcome.in_flight <= WORKERS
