"""Numbers as people write them, read exactly: 0.3 is three tenths, 1000 / 60 is fifty thirds.

All arithmetic of this package is on integers, in Python and in Lua alike, so that both give the same answers and no
error adds up over millions of requests. Times are microseconds, the grain of Redis's clock.
"""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Rational, Real

MICROSECONDS = 1_000_000
"""In a second."""

MICROS = 1_000_000
"""Parts of a unit that a cost may have: finer ones are rounded up."""

LARGEST = 10**15
"""No limit, rate or cost of a limit is above it: that limits nothing, and Redis's Lua counts exactly to 2^53."""

FINEST = 10**9
"""No denominator is above it."""

WIDEST = 4 * 10**15
"""No numerator or denominator is above it: twice that is still exact in Lua's doubles."""

COARSE = 10**6
"""What lies within a millionth of a millionth of a fraction with at most this denominator is that fraction."""

LONGEST_US = 100 * 366 * 86_400 * MICROSECONDS
"""No limit remembers anything for longer than a hundred years."""

Number = int | float | Fraction


def exact(value: object, what: str) -> Fraction:
    """A parameter as a fraction. Raises ValueError unless it is finite, above 0 and at most LARGEST.

    A float is read as it is written (0.3, not 0.299999999999999988897769753748), and one that is not a short decimal as
    the nearest fraction with a small denominator.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{what} must be a number, not {value!r}")
    if not isinstance(value, Rational) and not math.isfinite(value):
        raise ValueError(f"{what} must be finite, not {value!r}")
    read = Fraction(value) if isinstance(value, Rational) else Fraction(repr(float(value)))
    if read <= 0:
        raise ValueError(f"{what} must be above 0, not {value!r}")
    if read > LARGEST:
        raise ValueError(f"{what} must be at most {LARGEST:.0e}, not {value!r}: above it nothing is limited")
    if read.denominator > COARSE:
        near = read.limit_denominator(COARSE)
        if near and abs(near - read) * 10**12 <= read:
            read = near
    finest = min(FINEST, WIDEST // math.ceil(read))
    if read.denominator > finest:
        read = read.limit_denominator(finest)
    if not read:
        raise ValueError(f"{what} must be at least 1e-9, not {value!r}")
    return read


def micros(cost: object) -> int:
    """A cost in millionths of a unit, rounded up. Raises ValueError unless it is above 0; infinity costs too much."""
    if isinstance(cost, float) and math.isinf(cost) and cost > 0:
        return LARGEST * MICROS + 1
    if isinstance(cost, bool) or not isinstance(cost, Real) or cost != cost:
        raise ValueError(f"cost must be a number above 0, not {cost!r}")
    read = Fraction(cost) if isinstance(cost, Rational) else Fraction(repr(float(cost)))
    if read <= 0:
        raise ValueError(f"cost must be above 0, not {cost!r}")
    return min(math.ceil(read * MICROS), LARGEST * MICROS + 1)
