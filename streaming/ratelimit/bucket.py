"""Token bucket and leaking bucket: one level that flows out steadily, a token spent being a unit poured in.

The level is counted in grains of which `flow` run out in a microsecond, so that it is a whole number at every one. A
grain is a millionth of a unit over the denominator of the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any, ClassVar, Self

from streaming.ratelimit.decision import NEVER, Decision, made
from streaming.ratelimit.exact import LONGEST_US, MICROSECONDS, Number, exact

Level = tuple[int, int, int, int]
"""What is kept of a key: when it is empty (until_us), and its level: grains, as of at_us, the key's highest clock, and
how many grains a unit has. States are plain tuples, the microsecond in which they say nothing more first."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A size in units, and how many of them flow out in a second. Raises ValueError: see `exact`."""

    kind: ClassVar[str]
    queues: ClassVar[bool]

    _full: int = field(init=False, repr=False, compare=False)
    _flow: int = field(init=False, repr=False, compare=False)
    _grain: int = field(init=False, repr=False, compare=False)
    _cost_grain: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        (size_name, size), (rate_name, rate) = self._list_parameters()
        units, a_second = exact(size, size_name), exact(rate, rate_name)
        if units / a_second * MICROSECONDS > LONGEST_US:
            raise ValueError(
                f"{rate_name}={rate!r}: {size_name}={size!r} would take over 100 years to flow out"
            )
        grain = a_second.denominator * MICROSECONDS
        object.__setattr__(self, "_flow", a_second.numerator)
        object.__setattr__(self, "_grain", grain)
        object.__setattr__(self, "_cost_grain", a_second.denominator)
        object.__setattr__(self, "_full", math.floor(units * grain))

    def _list_parameters(self) -> list[tuple[str, Number]]:
        """Name and value of its size and its rate."""
        return [(one.name, getattr(self, one.name)) for one in fields(self) if one.init]

    def scale(self, share: Fraction) -> Self:
        """A share of it, in size and rate."""
        declared: dict[str, Any] = {
            name: exact(value, name) * share for name, value in self._list_parameters()
        }
        return replace(self, **declared)

    def compute_queue_s(self, units: int, grains: int, ahead_micros: int) -> float:
        """How long a level of so many units and grains takes to flow out, and what was asked for ahead."""
        queued = units * self._grain + grains + ahead_micros * self._cost_grain
        return queued / (self._flow * MICROSECONDS)

    @property
    def arguments(self) -> tuple[int, ...]:
        """What its Lua script is told of it."""
        return self._flow, self._grain, *divmod(self._full, self._grain), self._cost_grain

    def decide(
        self, state: Level | None, now_us: int, cost_micros: int, take: bool = True, ahead_micros: int = 0
    ) -> tuple[Decision, Level]:
        """The answer to a request, and the state after it. Pure: the same arguments, the same answer.

        Without `take` the answer is the same but nothing is consumed. `ahead_micros`: what of the cost belongs to
        requests before this one that are decided with it.
        """
        level, flow, grain, full = 0, self._flow, self._grain, self._full
        if state is not None:
            until_us, level, at_us, kept_grain = state
            if now_us < at_us:
                now_us = at_us
            # Also where the rate has changed since: a key does not remember for longer than it said.
            if now_us >= until_us:
                level = 0
            else:
                if kept_grain != grain:
                    level = -(-level * grain // kept_grain)
                level -= (now_us - at_us) * flow
                if level < 0:
                    level = 0
        cost = cost_micros * self._cost_grain
        excess = level + cost - full
        wait_s = retry_after_s = 0.0
        if excess > 0:
            retry_after_s = -(-excess // flow) / MICROSECONDS if cost <= full else NEVER
        else:
            if self.queues:
                wait_s = (level + ahead_micros * self._cost_grain) / (flow * MICROSECONDS)
            if take:
                level += cost
        reset_us = -(-level // flow)
        remaining = (full - level) // grain if level < full else 0
        return (
            made(Decision, (excess <= 0, remaining, wait_s, retry_after_s, reset_us / MICROSECONDS)),
            (now_us + reset_us, level, now_us, grain),
        )


@dataclass(frozen=True, slots=True)
class TokenBucket(Bucket):
    """`capacity` tokens, refilled continuously with `refill_per_s`, full at first: a burst of `capacity` passes."""

    kind: ClassVar[str] = "token_bucket"
    queues: ClassVar[bool] = False
    capacity: Number
    refill_per_s: Number


@dataclass(frozen=True, slots=True)
class LeakingBucket(Bucket):
    """A queue of `bucket_size` units that flow out one after another, `outflow_per_s`, what flows out included.

    An accepted request has to wait for `wait_s`, the time in which what was queued before it flows out.
    """

    kind: ClassVar[str] = "leaking_bucket"
    queues: ClassVar[bool] = True
    bucket_size: Number
    outflow_per_s: Number
