"""Rate limits of the API: the policies, and the limiter that counts them.

Tests: tests/streaming/api/test_balanced.py.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.requests import Request

from schemas.settings import settings
from streaming.accounts.bearer import user_of_scope
from streaming.ratelimit import MemoryStore, RateLimiter, RedisStore
from streaming.ratelimit.http import Guard, RateLimitMiddleware, read_policies
from streaming.ratelimit.http.metrics import Metrics

POLICIES = {
    "policies": [
        {
            "name": "requests",
            "algorithm": "token_bucket",
            "capacity": 600,
            "refill_per_s": 100,
            "by": ["user|address"],
            "routes": ["/v1/**"],
        },
        {
            "name": "writes",
            "algorithm": "token_bucket",
            "capacity": 300,
            "refill_per_s": 20,
            "by": ["user|address"],
            "routes": ["POST /v1/**", "PUT /v1/**", "DELETE /v1/**"],
        },
        {
            "name": "sign-ups",
            "algorithm": "sliding_window_counter",
            "limit": 300,
            "window_s": 600,
            "by": ["address"],
            "routes": ["POST /v1/users"],
        },
        {
            "name": "log-ins",
            "algorithm": "sliding_window_counter",
            "limit": 300,
            "window_s": 300,
            "by": ["address"],
            "routes": ["POST /v1/sessions"],
        },
        # Slows down password guessing for one account; its owner can still log in from another address.
        {
            "name": "log-in name and address",
            "algorithm": "sliding_window_log",
            "limit": 10,
            "window_s": 60,
            "by": ["address"],
            "routes": [],
        },
        {
            "name": "log-in name",
            "algorithm": "sliding_window_counter",
            "limit": 100,
            "window_s": 600,
            "by": [],
            "routes": [],
        },
    ]
}


def build_limiter() -> RateLimiter:
    """A limiter that counts in Redis if configured, else in this process; during outages of Redis in this process."""
    url = settings().redis_url
    return RateLimiter(RedisStore(url, on_error="local") if url else MemoryStore())


def build_middleware(limiter: RateLimiter, registry: CollectorRegistry) -> list[Middleware]:
    """The middleware that enforces the policies; empty with NEWSREEL_LIMITS=off."""
    if settings().limits == "off":
        return []
    return [
        Middleware(
            RateLimitMiddleware,
            limiter=limiter,
            policies=read_policies(POLICIES),
            user=user_of_scope,
            trusted_proxies=settings().proxy_networks,
            metrics=Metrics(registry),
        )
    ]


async def check_login(request: Request, name: str) -> None:
    """Count an attempt to log in to an account. Raises Refused, which becomes 429."""
    if settings().limits == "off":
        return
    guard = Guard.of(request.scope)
    await guard.check("log-in name and address", name)
    await guard.check("log-in name", name)
