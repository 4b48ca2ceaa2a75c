"""The limits that there are, and a request against one of them."""

from __future__ import annotations

from typing import NamedTuple

from streaming.ratelimit.bucket import LeakingBucket, TokenBucket
from streaming.ratelimit.exact import micros
from streaming.ratelimit.fixed_window import FixedWindow
from streaming.ratelimit.sliding_window_counter import SlidingWindowCounter
from streaming.ratelimit.sliding_window_log import SlidingWindowLog

Limit = TokenBucket | LeakingBucket | FixedWindow | SlidingWindowLog | SlidingWindowCounter

LIMITS = (TokenBucket, LeakingBucket, FixedWindow, SlidingWindowLog, SlidingWindowCounter)
BY_KIND: dict[str, type[Limit]] = {limit.kind: limit for limit in LIMITS}
KINDS = tuple(BY_KIND)


class Request(NamedTuple):
    """A cost asked of one key under one limit. `cost_micros`: in millionths of a unit."""

    key: str
    limit: Limit
    cost_micros: int

    @classmethod
    def check(cls, key: object, limit: object, cost: object = 1) -> Request:
        """Validate. Raises ValueError for an empty key or none, for what is not a limit, and a cost not above 0."""
        if not isinstance(key, str) or not key:
            raise ValueError(f"key must be a text that is not empty, not {key!r}")
        if not isinstance(limit, LIMITS):
            raise ValueError(
                f"limit must be one of {', '.join(one.__name__ for one in LIMITS)}, not {limit!r}"
            )
        return cls(key, limit, micros(cost))
