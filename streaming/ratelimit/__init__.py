"""Rate limits: five algorithms, exact, in memory or shared over Redis. Needs nothing of the rest of the house.

limiter = RateLimiter(MemoryStore())
decision = await limiter.acquire("user:42", TokenBucket(capacity=10, refill_per_s=5))
if not decision.allowed:
    ...  # wait for decision.retry_after_s

Tests: tests/streaming/ratelimit.
"""

from streaming.ratelimit.bucket import LeakingBucket, TokenBucket
from streaming.ratelimit.decision import Decision
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.fixed_window import FixedWindow
from streaming.ratelimit.limiter import RateLimiter
from streaming.ratelimit.limits import Limit
from streaming.ratelimit.memory_store import MemoryStore
from streaming.ratelimit.redis_store import RedisStore
from streaming.ratelimit.sliding_window_counter import SlidingWindowCounter
from streaming.ratelimit.sliding_window_log import SlidingWindowLog

__all__ = [
    "Decision",
    "FixedWindow",
    "LeakingBucket",
    "Limit",
    "MemoryStore",
    "RateLimiter",
    "RedisStore",
    "SlidingWindowCounter",
    "SlidingWindowLog",
    "StoreUnavailable",
    "TokenBucket",
]
