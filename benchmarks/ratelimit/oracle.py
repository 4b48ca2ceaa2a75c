"""Oracle of the five algorithms: expected decisions on exact rationals, derived from the definitions in interfaces.md.

Independent of streaming/ratelimit. Times are whole microseconds, the resolution of Redis's clock; everything else is a
fraction. An oracle represents one key; each request names the limit that applies to it.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import NamedTuple

MICROSECONDS = 10**6
"""Microseconds per second."""

NEVER = math.inf


class Answer(NamedTuple):
    """A decision, with the field names of interfaces.md."""

    allowed: bool
    remaining: int
    wait_s: float
    retry_after_s: float
    reset_after_s: float


class Terms(NamedTuple):
    """An exact limit. `size`: capacity, bucket size or limit, in units.

    Buckets have a `rate` in units per microsecond, windows a length `window_us`; the other one is 0.
    """

    size: Fraction
    rate: Fraction
    window_us: Fraction


class Oracle:
    """One key. Its clock is monotonic: it stands still while the given time is below the highest seen.

    Once the `reset_after_s` of its last decision has passed, the key is as if never used, under any limit.
    """

    def __init__(self) -> None:
        self.now_us = self.reset_us = 0
        self._reset()

    def ask(self, now_us: int, terms: Terms, cost: Fraction) -> Answer:
        """Decide a request, and consume its cost if it is allowed."""
        passed_us = max(0, now_us - self.now_us)
        self.now_us += passed_us
        if self.now_us >= self.reset_us:
            self._reset()
        self._advance(passed_us, terms)
        queued_us, retry_after_s = Fraction(0), 0.0
        allowed = self._count_used(terms) + cost <= terms.size
        if allowed:
            queued_us = self._compute_queue_us(terms)
            self._spend(cost)
        elif cost > terms.size:
            retry_after_s = NEVER
        else:
            retry_after_s = math.ceil(self._compute_wait_us(terms, cost)) / MICROSECONDS
        reset_after_us = math.ceil(self._compute_reset_us(terms))
        self.reset_us = self.now_us + reset_after_us
        return Answer(
            allowed,
            max(0, math.floor(terms.size - self._count_used(terms))),
            float(queued_us / MICROSECONDS),
            retry_after_s,
            reset_after_us / MICROSECONDS,
        )

    def _reset(self) -> None:
        """Reset the key to its unused state."""
        raise NotImplementedError

    def _advance(self, passed_us: int, terms: Terms) -> None:
        """Advance the key to `now_us`, `passed_us` after the last request."""
        raise NotImplementedError

    def _count_used(self, terms: Terms) -> Fraction:
        """Units that count against the limit now."""
        raise NotImplementedError

    def _spend(self, cost: Fraction) -> None:
        raise NotImplementedError

    def _compute_wait_us(self, terms: Terms, cost: Fraction) -> Fraction:
        """Time until a refused cost that fits the limit is allowed."""
        raise NotImplementedError

    def _compute_reset_us(self, terms: Terms) -> Fraction:
        """Time until the key is as if never used."""
        raise NotImplementedError

    def _compute_queue_us(self, _: Terms) -> Fraction:
        """Queueing time of a request that is allowed now."""
        return Fraction(0)


class TokenBucketOracle(Oracle):
    """Initially full of tokens, refilled continuously; `_spent`: missing tokens."""

    def _reset(self) -> None:
        self._spent = Fraction(0)

    def _advance(self, passed_us: int, terms: Terms) -> None:
        self._spent = max(Fraction(0), self._spent - passed_us * terms.rate)

    def _count_used(self, _: Terms) -> Fraction:
        return self._spent

    def _spend(self, cost: Fraction) -> None:
        self._spent += cost

    def _compute_wait_us(self, terms: Terms, cost: Fraction) -> Fraction:
        return (self._spent + cost - terms.size) / terms.rate

    def _compute_reset_us(self, terms: Terms) -> Fraction:
        return self._spent / terms.rate


class LeakingBucketOracle(TokenBucketOracle):
    """A queue of units that drains at a constant rate: its level equals the spent tokens of a token bucket."""

    def _compute_queue_us(self, terms: Terms) -> Fraction:
        return self._spent / terms.rate


class FixedWindowOracle(Oracle):
    """Windows begin at multiples of their length since the epoch; `_count`: units in window number `_number`."""

    def _reset(self) -> None:
        self._count, self._number, self._left_us = Fraction(0), 0, Fraction(0)

    def _advance(self, _: int, terms: Terms) -> None:
        number = math.floor(self.now_us / terms.window_us)
        if number != self._number:
            self._count, self._number = Fraction(0), number
        self._left_us = (number + 1) * terms.window_us - self.now_us

    def _count_used(self, _: Terms) -> Fraction:
        return self._count

    def _spend(self, cost: Fraction) -> None:
        self._count += cost

    def _compute_wait_us(self, _: Terms, __: Fraction) -> Fraction:
        return self._left_us

    def _compute_reset_us(self, _: Terms) -> Fraction:
        return self._left_us if self._count else Fraction(0)


class SlidingWindowLogOracle(Oracle):
    """Requests admitted in (t - window, t]: `_log` has the time and the cost of each, oldest first."""

    def _reset(self) -> None:
        self._log: deque[tuple[int, Fraction]] = deque()
        self._sum = Fraction(0)

    def _advance(self, _: int, terms: Terms) -> None:
        while self._log and self._log[0][0] <= self.now_us - terms.window_us:
            self._sum -= self._log.popleft()[1]

    def _count_used(self, _: Terms) -> Fraction:
        return self._sum

    def _spend(self, cost: Fraction) -> None:
        self._log.append((self.now_us, cost))
        self._sum += cost

    def _compute_wait_us(self, terms: Terms, cost: Fraction) -> Fraction:
        used = self._sum
        for time_us, passing in self._log:
            used -= passing
            if used + cost <= terms.size:
                return time_us + terms.window_us - self.now_us
        raise AssertionError("a cost that fits the limit is allowed once the log is empty")

    def _compute_reset_us(self, terms: Terms) -> Fraction:
        return self._log[-1][0] + terms.window_us - self.now_us if self._log else Fraction(0)


class SlidingWindowCounterOracle(Oracle):
    """Two counts: of this window, and of the previous one weighted by its share in the sliding window."""

    def _reset(self) -> None:
        self._before, self._count, self._number, self._left_us = Fraction(0), Fraction(0), 0, Fraction(0)

    def _advance(self, _: int, terms: Terms) -> None:
        number = math.floor(self.now_us / terms.window_us)
        if number > self._number:
            self._before = self._count if number == self._number + 1 else Fraction(0)
            self._count, self._number = Fraction(0), number
        self._left_us = (number + 1) * terms.window_us - self.now_us

    def _count_used(self, terms: Terms) -> Fraction:
        return self._count + self._before * self._left_us / terms.window_us

    def _spend(self, cost: Fraction) -> None:
        self._count += cost

    def _compute_wait_us(self, terms: Terms, cost: Fraction) -> Fraction:
        # If a count may weigh at most `room`, at most room / count of its window may still be in view.
        room = terms.size - cost - self._count
        if room >= 0:
            return self._left_us - room / self._before * terms.window_us
        in_view = min(Fraction(1), (terms.size - cost) / self._count)
        return self._left_us + (1 - in_view) * terms.window_us

    def _compute_reset_us(self, terms: Terms) -> Fraction:
        if self._count:
            return self._left_us + terms.window_us
        return self._left_us if self._before else Fraction(0)


ORACLES: dict[str, type[Oracle]] = {
    "token_bucket": TokenBucketOracle,
    "leaking_bucket": LeakingBucketOracle,
    "fixed_window": FixedWindowOracle,
    "sliding_window_log": SlidingWindowLogOracle,
    "sliding_window_counter": SlidingWindowCounterOracle,
}
"""Oracles by algorithm."""
