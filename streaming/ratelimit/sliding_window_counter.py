"""Sliding window counter: two counts, the previous window's weighted by the share of it that is still in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streaming.ratelimit.decision import NEVER, Decision, made
from streaming.ratelimit.exact import MICROS, MICROSECONDS
from streaming.ratelimit.window import Period, Window

Counts = tuple[int, int, int, int, int, Period]
"""What is kept of a key: until_us; millionths of a unit in the window before that of at_us, and in that; at_us, the
key's highest clock; the end of that window, in ticks since the epoch; how long such a window is."""


@dataclass(frozen=True, slots=True)
class SlidingWindowCounter(Window):
    """At most `limit` units, counted as those of this window and the remaining share of the previous one's.

    Windows are aligned to the epoch. An estimate of the log in a small, constant space: it takes the previous window's
    requests as evenly spread.
    """

    kind: ClassVar[str] = "sliding_window_counter"

    def decide(
        self,
        state: Counts | None,
        now_us: int,
        cost_micros: int,
        take: bool = True,
        ahead_micros: int = 0,  # noqa: ARG002 - every algorithm takes it
    ) -> tuple[Decision, Counts]:
        """The answer to a request, and the state after it. Pure: the same arguments, the same answer.

        Without `take` the answer is the same but nothing is consumed.
        """
        full, period, before, used = self._full, self._period, 0, 0
        ticks, per_us = period
        ends = 0
        if state is not None:
            until_us, before, used, at_us, ends, kept_period = state
            if now_us < at_us:
                now_us = at_us
            # Also where the window has changed since: a key does not remember for longer than it said.
            if now_us >= until_us:
                before = used = 0
            elif kept_period is not period and kept_period != period:
                ends = (at_us * per_us // ticks + 1) * ticks
        left = ends - now_us * per_us
        if left <= 0:
            if left > -ticks:
                before, used, left, ends = used, 0, left + ticks, ends + ticks
            else:
                before = used = 0
                ends = (now_us * per_us // ticks + 1) * ticks
                left = ends - now_us * per_us
        room = full - cost_micros - used
        allowed, retry_after_s = room * ticks >= before * left, 0.0
        if not allowed:
            retry_after_s = NEVER
            if cost_micros <= full:
                if room >= 0:  # once enough of the previous window has passed
                    wait = left - room * ticks // before
                else:  # in the next window, once enough of this one has passed
                    wait = left + ticks - (full - cost_micros) * ticks // used
                retry_after_s = (wait if per_us == 1 else -(-wait // per_us)) / MICROSECONDS
        elif take:
            used += cost_micros
        spare = full - used
        if before:
            spare = (spare * ticks - before * left) // ticks
        remaining = spare // MICROS if spare > 0 else 0
        reset_us = left + ticks if used else left if before else 0
        if per_us != 1:
            reset_us = -(-reset_us // per_us)
        return (
            made(Decision, (allowed, remaining, 0.0, retry_after_s, reset_us / MICROSECONDS)),
            (now_us + reset_us, before, used, now_us, ends, period),
        )
