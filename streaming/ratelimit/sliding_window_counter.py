"""Sliding window counter: two counts, the previous window's weighted by the share of it that is still in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from streaming.ratelimit.decision import NEVER, Decision
from streaming.ratelimit.exact import MICROS, MICROSECONDS
from streaming.ratelimit.window import Window


class Counts(NamedTuple):
    """What is kept of a key: millionths of a unit in the window that holds `at_us`, and in the one before it."""

    until_us: int
    before: int
    used: int
    at_us: int


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
        ticks, per_us, full = self._ticks, self._ticks_per_us, self._full
        before, used, at_us = 0, 0, now_us
        if state is not None:
            _, before, used, at_us = state
            if now_us < at_us:
                now_us = at_us
        number, gone = divmod(now_us * per_us, ticks)
        if at_us * per_us < number * ticks:
            before, used = (used if at_us * per_us >= (number - 1) * ticks else 0), 0
        left = ticks - gone
        room = full - cost_micros - used
        allowed, retry_after_s = room * ticks >= before * left, 0.0
        if not allowed:
            retry_after_s = NEVER
            if cost_micros <= full:
                if room >= 0:  # once enough of the previous window has passed
                    wait = left - room * ticks // before
                else:  # in the next window, once enough of this one has passed
                    wait = left + ticks - min(ticks, (full - cost_micros) * ticks // used)
                retry_after_s = -(-wait // per_us) / MICROSECONDS
        elif take:
            used += cost_micros
        spare = (full - used) * ticks - before * left
        remaining = spare // (ticks * MICROS) if spare > 0 else 0
        reset_us = -(-(left + ticks if used else left if before else 0) // per_us)
        return (
            Decision(allowed, remaining, 0.0, retry_after_s, reset_us / MICROSECONDS),
            Counts(now_us + reset_us, before, used, now_us),
        )
