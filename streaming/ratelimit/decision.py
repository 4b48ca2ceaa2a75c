"""Decision of a limiter."""

from __future__ import annotations

from typing import NamedTuple

NEVER = float("inf")
"""The wait of a request that costs more than the limit ever holds."""


class Decision(NamedTuple):
    """One answer. Refused: nothing was consumed.

    `remaining`: whole units left after it, rounded down. `wait_s`: how long an accepted request of a leaking bucket has
    to queue; 0.0 for every other algorithm. `retry_after_s`: the least wait that suffices if nobody else asks, rounded
    up to a microsecond; 0.0 if allowed, inf if it never suffices. `reset_after_s`: until the key is as if never used,
    rounded up to a microsecond.
    """

    allowed: bool
    remaining: int
    wait_s: float
    retry_after_s: float
    reset_after_s: float


made = tuple.__new__
"""A NamedTuple of ours of a tuple of its fields, in half the time that its own constructor takes."""


def combine(decisions: list[Decision]) -> Decision:
    """One decision of several limits: allowed if all are, the least `remaining`, the most of the others."""
    return Decision(
        all(one.allowed for one in decisions),
        min(one.remaining for one in decisions),
        max(one.wait_s for one in decisions),
        max(one.retry_after_s for one in decisions),
        max(one.reset_after_s for one in decisions),
    )
