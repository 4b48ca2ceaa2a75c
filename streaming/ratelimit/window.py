"""Base of the three window algorithms: a limit in units, a window in exact microseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from streaming.ratelimit.exact import LONGEST_US, MICROS, MICROSECONDS, WIDEST, Number, exact

Period = tuple[int, int]
"""How long a window is: ticks of it, and in a microsecond. It need not be whole microseconds (a third of a second is
not)."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` units in `window_s` seconds, one microsecond at least. Raises ValueError: see `exact`."""

    limit: Number
    window_s: Number
    _full: int = field(init=False, repr=False, compare=False)
    _period: Period = field(init=False, repr=False, compare=False)
    _window_us: int = field(init=False, repr=False, compare=False)
    """What t' > t - window means of whole microseconds."""

    def __post_init__(self) -> None:
        window_us = exact(self.window_s, "window_s") * MICROSECONDS
        if not 1 <= window_us <= LONGEST_US:
            raise ValueError(f"window_s must be from a microsecond to 100 years, not {self.window_s!r}")
        if window_us.numerator > WIDEST:
            window_us = Fraction(round(window_us))
        object.__setattr__(self, "_full", math.floor(exact(self.limit, "limit") * MICROS))
        object.__setattr__(self, "_period", (window_us.numerator, window_us.denominator))
        object.__setattr__(self, "_window_us", math.ceil(window_us))

    @property
    def arguments(self) -> tuple[int, ...]:
        """What its Lua script is told of it."""
        return *self._period, *divmod(self._full, MICROS)

    def scale(self, share: Fraction) -> Self:
        """A share of it."""
        return replace(self, limit=exact(self.limit, "limit") * share)
