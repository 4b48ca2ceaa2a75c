"""Fixed window: a count that restarts at every multiple of the window since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streaming.ratelimit.decision import NEVER, Decision, made
from streaming.ratelimit.exact import MICROS, MICROSECONDS
from streaming.ratelimit.window import Period, Window

Count = tuple[int, int, int, Period]
"""What is kept of a key: until_us, the end of the window of at_us, or at_us itself where nothing is used; millionths of
a unit used in that window; at_us, the key's highest clock; how long such a window is."""


@dataclass(frozen=True, slots=True)
class FixedWindow(Window):
    """At most `limit` units in each window, aligned to the epoch. Up to twice as many pass around an edge."""

    kind: ClassVar[str] = "fixed_window"

    def decide(
        self,
        state: Count | None,
        now_us: int,
        cost_micros: int,
        take: bool = True,
        ahead_micros: int = 0,  # noqa: ARG002 - every algorithm takes it
    ) -> tuple[Decision, Count]:
        """The answer to a request, and the state after it. Pure: the same arguments, the same answer.

        Without `take` the answer is the same but nothing is consumed.
        """
        full, period, used, left_us = self._full, self._period, 0, 0
        if state is not None:
            until_us, used, at_us, kept_period = state
            if now_us < at_us:
                now_us = at_us
            # Also where the window has changed since: a key does not remember for longer than it said.
            if now_us >= until_us:
                used = 0
            elif kept_period is period or kept_period == period:
                left_us = until_us - now_us
            else:
                ticks, per_us = period
                if at_us * per_us // ticks != now_us * per_us // ticks:
                    used = 0
        if not left_us:
            ticks, per_us = period
            left_us = -(-(ticks - now_us * per_us % ticks) // per_us)
        allowed, retry_after_s = used + cost_micros <= full, 0.0
        if not allowed:
            retry_after_s = left_us / MICROSECONDS if cost_micros <= full else NEVER
        elif take:
            used += cost_micros
        reset_us = left_us if used else 0
        remaining = (full - used) // MICROS if used < full else 0
        return (
            made(Decision, (allowed, remaining, 0.0, retry_after_s, reset_us / MICROSECONDS)),
            (now_us + reset_us, used, now_us, period),
        )
