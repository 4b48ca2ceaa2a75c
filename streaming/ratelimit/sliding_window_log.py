"""Sliding window log: the time of every unit is kept, so that any window (t - window, t] is right, exactly."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import ClassVar

from streaming.ratelimit.decision import NEVER, Decision, made
from streaming.ratelimit.exact import MICROS, MICROSECONDS
from streaming.ratelimit.window import Window

COMPACT_FROM = 64
"""Passed entries before those that still count are copied to lists of their own."""


Log = tuple[int, list[int], list[int], int, int, int, int]
"""What is kept of a key: until_us; when each was admitted, rising, and what was admitted until then, it included, in
millionths of a unit: the entries from `first` to before `end` of two lists that later states go on to fill; first; end;
what was admitted before the first; at_us, the key's highest clock."""


@dataclass(frozen=True, slots=True)
class SlidingWindowLog(Window):
    """At most `limit` units in any half-open window (t - window, t]. Keeps an entry for each admitted request."""

    kind: ClassVar[str] = "sliding_window_log"

    @property
    def arguments(self) -> tuple[int, ...]:
        """What its Lua script is told of it."""
        return self._window_us, *divmod(self._full, MICROS)

    def decide(
        self,
        state: Log | None,
        now_us: int,
        cost_micros: int,
        take: bool = True,
        ahead_micros: int = 0,  # noqa: ARG002 - every algorithm takes it
    ) -> tuple[Decision, Log]:
        """The answer to a request, and the state after it. Pure: no earlier state is changed by it.

        Without `take` the answer is the same but nothing is consumed.
        """
        window_us, full = self._window_us, self._full
        first = end = base = 0
        if state is not None:
            until_us, times, sums, first, end, base, at_us = state
            if now_us < at_us:
                now_us = at_us
            # Also where the window has changed since: a key does not remember for longer than it said.
            if now_us >= until_us:
                first = end = base = 0
                times, sums = [], []
            elif times[first] <= now_us - window_us:
                passed = bisect_right(times, now_us - window_us, first, end)
                base, first = sums[passed - 1], passed
        else:
            times, sums = list[int](), list[int]()
        used = sums[end - 1] - base if end > first else 0
        excess, retry_after_s = used + cost_micros - full, 0.0
        if excess > 0:
            retry_after_s = NEVER
            if cost_micros <= full:
                enough = first
                if sums[first] < base + excess:
                    enough = bisect_left(sums, base + excess, first, end)
                retry_after_s = (times[enough] + window_us - now_us) / MICROSECONDS
        elif take:
            # Another state went on from there, or most has passed.
            if end < len(times) or first > COMPACT_FROM + end // 2:
                times, sums, first, end = times[first:end], sums[first:end], 0, end - first
            used += cost_micros
            times.append(now_us)
            sums.append(base + used)
            end += 1
        until_us = times[end - 1] + window_us if end > first else now_us
        remaining = (full - used) // MICROS if used < full else 0
        return (
            made(Decision, (excess <= 0, remaining, 0.0, retry_after_s, (until_us - now_us) / MICROSECONDS)),
            (until_us, times, sums, first, end, base, now_us),
        )
