"""What the three window algorithms have in common: a limit in units, a window in exact microseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from streaming.ratelimit.exact import LONGEST_US, MICROS, MICROSECONDS, WIDEST, Number, exact


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` units in `window_s` seconds. Raises ValueError: see `exact`; a window has 1 microsecond at least.

    A window need not be a whole number of microseconds (a third of a second is not): it has `_ticks` of which
    `_ticks_per_us` pass in one.
    """

    limit: Number
    window_s: Number
    _full: int = field(init=False, repr=False, compare=False)
    _ticks: int = field(init=False, repr=False, compare=False)
    _ticks_per_us: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        window_us = exact(self.window_s, "window_s") * MICROSECONDS
        if not 1 <= window_us <= LONGEST_US:
            raise ValueError(f"window_s must be from a microsecond to 100 years, not {self.window_s!r}")
        if window_us.numerator > WIDEST:
            window_us = Fraction(round(window_us))
        object.__setattr__(self, "_full", math.floor(exact(self.limit, "limit") * MICROS))
        object.__setattr__(self, "_ticks", window_us.numerator)
        object.__setattr__(self, "_ticks_per_us", window_us.denominator)

    @property
    def arguments(self) -> tuple[int, ...]:
        """What its Lua script is told of it."""
        return self._ticks, self._ticks_per_us, *divmod(self._full, MICROS)

    def scaled(self, share: Fraction) -> Self:
        """A share of it."""
        return replace(self, limit=exact(self.limit, "limit") * share)
