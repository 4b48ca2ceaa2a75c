"""Limits are read as people write them, and what makes no sense is refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from streaming.ratelimit import FixedWindow, MemoryStore, RateLimiter, TokenBucket
from streaming.ratelimit.exact import exact


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (0.3, Fraction(3, 10)),
        (1 / 3, Fraction(1, 3)),
        (1000 / 60, Fraction(50, 3)),
        (Fraction(2, 7), Fraction(2, 7)),
        (10**15, Fraction(10**15)),
        (1e-9, Fraction(1, 10**9)),
    ],
)
def test_a_number_is_what_is_written(written: float, read: Fraction) -> None:
    assert exact(written, "rate") == read


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), 1e300, 1e-300, "5", None, True])
def test_a_wrong_parameter_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="capacity"):
        TokenBucket(wrong, 1)
    with pytest.raises(ValueError, match="window_s"):
        FixedWindow(1, wrong)


def test_a_limit_that_remembers_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match="100 years"):
        TokenBucket(10**9, 1e-6)


@pytest.mark.parametrize(("key", "limit"), [("", TokenBucket(1, 1)), (7, TokenBucket(1, 1)), ("key", 5)])
def test_a_wrong_key_or_limit_is_refused(key: object, limit: object) -> None:
    limiter = RateLimiter(MemoryStore())
    for cost in (1, 0.5):
        with pytest.raises(ValueError, match="must be"):
            limiter.acquire_sync(key, limit, cost)  # type: ignore[arg-type]


def test_it_needs_nothing_of_the_house() -> None:
    program = (
        "import sys, streaming.ratelimit\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('schemas', 'stores', 'pipelines', 'jobs')])"
    )
    root = Path(__file__).parents[3]
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_memory_forgets_what_carries_no_more_information() -> None:
    now = [0.0]
    store = MemoryStore(clock=lambda: now[0])
    limiter = RateLimiter(store)
    for number in range(20_000):
        now[0] += 1
        limiter.acquire_sync(f"user:{number}", FixedWindow(1, 60))
    assert sum(map(len, store._states.values())) < 5_000
