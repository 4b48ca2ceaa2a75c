"""Limited subjects, read from the store: the same in every process that shares it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from streaming.ratelimit import (
    Decision,
    FixedWindow,
    Limit,
    MemoryStore,
    RateLimiter,
    RedisStore,
    StoreUnavailable,
    TokenBucket,
)
from streaming.ratelimit.http import Limited, LimitedView, Policies, read_policies, who_is_limited
from streaming.ratelimit.http.asgi import Message
from tests.streaming.ratelimit.conftest import PATIENT_S
from tests.streaming.ratelimit.http.served import build_middleware, exchange

USUAL: dict[str, Any] = {"algorithm": "token_bucket", "capacity": 2, "refill_per_s": 0.001, "routes": ["/**"]}
ENFORCED = USUAL | {"name": "enforced", "by": ["user"]}
SHADOW = USUAL | {"name": "shadow", "by": ["address"], "shadow": True}
ALL = USUAL | {"name": "all", "by": [], "capacity": 8, "cost": 3}
VIEW: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}


def policies() -> Policies:
    return read_policies({"policies": [ENFORCED, SHADOW, ALL]})


async def use_limits(limiter: RateLimiter) -> None:
    """Three requests by ann, of which the third is over the first policy, and then the last one too; one by bob."""
    middleware = build_middleware(ENFORCED, SHADOW, ALL, limiter=limiter)
    empty: Message = {"type": "http.request"}
    for user in (b"ann", b"ann", b"ann", b"bob"):
        scope = VIEW | {"headers": [(b"x-user", user)], "client": ("203.0.113.7", 1)}
        await exchange(middleware, scope, empty)


@pytest.fixture(params=["memory", "redis"])
def limiters(request: pytest.FixtureRequest) -> list[RateLimiter]:
    """One that decides and one that is asked: the same, or of another process as it were."""
    if request.param == "memory":
        return [RateLimiter(MemoryStore())] * 2
    server = request.getfixturevalue("redis_server")
    server.run("FLUSHALL")
    return [RateLimiter(RedisStore(server.url, timeout_s=PATIENT_S)) for _ in range(2)]


def test_all_who_would_be_refused_now(limiters: list[RateLimiter]) -> None:
    async def ask() -> list[Limited]:
        await use_limits(limiters[0])
        await limiters[0].acquire("of somebody else", TokenBucket(1, 0.001))
        await limiters[0].acquire("{user=ann}unknown", TokenBucket(1, 0.001))
        await limiters[0].acquire("{user=cat}enforced", FixedWindow(1, 60))  # of another algorithm before
        found = await who_is_limited(limiters[1], policies())
        for limiter in limiters:
            await limiter.aclose()
        return found

    found = asyncio.run(ask())
    assert [(one.policy, one.subject, one.remaining, one.shadow) for one in found] == [
        ("all", (), 2, False),
        ("enforced", ("user=ann",), 0, False),
        ("shadow", ("address=203.0.113.7",), 0, True),
    ]
    assert 900 < found[1].retry_after_s <= 1000


def test_only_so_many_keys_are_looked_at() -> None:
    limiter = RateLimiter(MemoryStore())
    for number in range(50):
        limiter.acquire_sync(f"{{user={number}}}enforced", TokenBucket(2, 0.001), 2)
    assert len(asyncio.run(who_is_limited(limiter, policies(), most=20))) == 20
    for most, complete in ((49, False), (50, True)):
        [_, body] = asyncio.run(exchange(LimitedView(limiter, policies(), most=most), VIEW))
        told = json.loads(body["body"])
        assert (len(told["limited"]), told["complete"]) == (most, complete)
    page = VIEW | {"headers": [(b"accept", b"text/html")]}
    [_, body] = asyncio.run(exchange(LimitedView(limiter, policies(), most=1), page))
    assert b"there are more" in body["body"]


def test_the_view_without_its_store() -> None:
    view = LimitedView(RateLimiter(RedisStore("redis://127.0.0.1:1")), policies())
    [start, body] = asyncio.run(exchange(view, VIEW))
    assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"1")
    assert json.loads(body["body"])["status"] == 503
    with pytest.raises(ValueError, match="not websocket"):
        asyncio.run(exchange(view, VIEW | {"type": "websocket"}))


class LateOnce(MemoryStore):
    """A store that does not answer its first question in time."""

    late = False

    async def decide(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        if not self.late:
            self.late = True
            raise StoreUnavailable("no answer in time")
        return await super().decide(key, limit, cost_micros, take=take)


def test_one_late_answer_does_not_spoil_the_view() -> None:
    limiter = RateLimiter(LateOnce())
    limiter.acquire_sync("{user=ann}enforced", TokenBucket(2, 0.001), 2)
    assert len(asyncio.run(who_is_limited(limiter, policies()))) == 1
