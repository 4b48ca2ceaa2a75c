"""Limiters under measurement: ours, `limits` and `throttled-py`, each by the fastest way that it documents.

An asker requests one unit for each key that it is given, and returns the number of allowed requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import limits
import throttled
from throttled.store import MemoryStore as ThrottledMemoryStore
from throttled.store import RedisStore as ThrottledRedisStore

from benchmarks.ratelimit.histories import BUCKETS, WINDOWS
from streaming.ratelimit import MemoryStore, RateLimiter, RedisStore

Asker = Callable[[Sequence[str]], int]

OURS = BUCKETS | WINDOWS
LIMITS: dict[str, Any] = {
    "fixed_window": limits.strategies.FixedWindowRateLimiter,
    "sliding_window_log": limits.strategies.MovingWindowRateLimiter,
    "sliding_window_counter": limits.strategies.SlidingWindowCounterRateLimiter,
}
THROTTLED = {
    "token_bucket": throttled.RateLimiterType.TOKEN_BUCKET,
    "leaking_bucket": throttled.RateLimiterType.LEAKING_BUCKET,
    "fixed_window": throttled.RateLimiterType.FIXED_WINDOW,
    "sliding_window_counter": throttled.RateLimiterType.SLIDING_WINDOW,
}
"""Its sliding window is a sliding window counter."""

MAX_KEYS = 1_000_000
"""Capacity of throttled-py's store: by default it evicts all but 1,024 keys."""

DAY_S = 86_400

TIMEOUT_S = 10.0
"""Timeout of our Redis store: a busy machine may take longer than the default."""


@dataclass(frozen=True)
class Quota:
    """A limit of `units` per `period_s`; for a bucket its size and the time in which it drains."""

    kind: str
    units: int
    period_s: int

    @property
    def limit(self) -> Any:
        """As a limit of our limiter."""
        second = self.units / self.period_s if self.kind.endswith("bucket") else self.period_s
        return OURS[self.kind](self.units, second)


def build_memory_askers(quota: Quota) -> dict[str, Asker]:
    """Askers of all limiters that have the algorithm, on stores in memory."""
    found = {"ours": wrap_ours(RateLimiter(MemoryStore()), quota)}
    if quota.kind in LIMITS:
        found["limits"] = wrap_limits(limits.storage.MemoryStorage(), quota)
    if quota.kind in THROTTLED:
        found["throttled-py"] = wrap_throttled(ThrottledMemoryStore(options={"MAX_SIZE": MAX_KEYS}), quota)
    return found


def build_redis_askers(url: str, quota: Quota) -> dict[str, Asker]:
    """Askers of all limiters that have the algorithm, on the server at `url` (unix://)."""
    limiter = RateLimiter(RedisStore(url, cache_refusals=False, timeout_s=TIMEOUT_S))
    found = {"ours": wrap_ours(limiter, quota)}
    if quota.kind in LIMITS:
        found["limits"] = wrap_limits(limits.storage.RedisStorage(f"redis+{url}"), quota)
    if quota.kind in THROTTLED:
        found["throttled-py"] = wrap_throttled(ThrottledRedisStore(server=url), quota)
    return found


def wrap_ours(limiter: RateLimiter, quota: Quota) -> Asker:
    """Asker of ours, by the blocking form."""
    acquire, limit = limiter.acquire_sync, quota.limit

    def ask(keys: Sequence[str]) -> int:
        allowed = 0
        for key in keys:
            if acquire(key, limit).allowed:
                allowed += 1
        return allowed

    return ask


def wrap_limits(storage: Any, quota: Quota) -> Asker:
    """Asker of `limits`: `hit` returns only whether the request is allowed."""
    hit = LIMITS[quota.kind](storage).hit
    item = limits.RateLimitItemPerSecond(quota.units, quota.period_s)

    def ask(keys: Sequence[str]) -> int:
        allowed = 0
        for key in keys:
            if hit(item, key):
                allowed += 1
        return allowed

    return ask


def wrap_throttled(store: Any, quota: Quota) -> Asker:
    """Asker of `throttled-py`: `limit` returns whether it limits, and the rest."""
    rate = throttled.per_duration(timedelta(seconds=quota.period_s), quota.units, burst=quota.units)
    limit = throttled.Throttled(using=THROTTLED[quota.kind].value, quota=rate, store=store).limit

    def ask(keys: Sequence[str]) -> int:
        allowed = 0
        for key in keys:
            if not limit(key).limited:
                allowed += 1
        return allowed

    return ask
