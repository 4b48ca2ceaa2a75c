"""Fixed window: a count that starts anew at every multiple of the window since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from streaming.ratelimit.decision import NEVER, Decision
from streaming.ratelimit.exact import MICROS, MICROSECONDS
from streaming.ratelimit.window import Window


class Count(NamedTuple):
    """What is kept of a key: millionths of a unit used in the window of `at_us`, which is the key's highest clock."""

    until_us: int
    used: int
    at_us: int


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
        ticks, per_us, full, used, at_us = self._ticks, self._ticks_per_us, self._full, 0, now_us
        if state is not None:
            _, used, at_us = state
            if now_us < at_us:
                now_us = at_us
        number, gone = divmod(now_us * per_us, ticks)
        if used and at_us * per_us // ticks != number:
            used = 0
        left_us = -(-(ticks - gone) // per_us)
        allowed, retry_after_s = used + cost_micros <= full, 0.0
        if not allowed:
            retry_after_s = left_us / MICROSECONDS if cost_micros <= full else NEVER
        elif take:
            used += cost_micros
        reset_us = left_us if used else 0
        remaining = (full - used) // MICROS if used < full else 0
        return (
            Decision(allowed, remaining, 0.0, retry_after_s, reset_us / MICROSECONDS),
            Count(now_us + reset_us, used, now_us),
        )
