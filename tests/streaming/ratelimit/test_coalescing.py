"""Concurrent requests of an event loop are sent together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import multiprocessing
import os

import pytest
import redis

from streaming.ratelimit import (
    FixedWindow,
    LeakingBucket,
    Limit,
    RateLimiter,
    RedisStore,
    SlidingWindowCounter,
    SlidingWindowLog,
    TokenBucket,
)
from tests.streaming.ratelimit.conftest import PATIENT_S
from tests.streaming.ratelimit.servers import Server

LIMITS: list[Limit] = [
    TokenBucket(1000, 0.001),
    LeakingBucket(1000, 0.001),
    FixedWindow(1000, 10**8),
    SlidingWindowLog(1000, 10**8),
    SlidingWindowCounter(1000, 10**8),
]


@pytest.fixture(params=["redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    name = {"redis": "redis_server", "cluster": "redis_cluster"}[request.param]
    found = request.getfixturevalue(name)
    servers: list[Server] = found if isinstance(found, list) else [found]
    for server in servers:
        server.run("FLUSHALL")
        server.run("CONFIG RESETSTAT")
    return servers[0].url


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: type(limit).__name__)
def test_of_two_thousand_at_once_as_many_pass_as_may(url: str, limit: Limit) -> None:
    limiter = RateLimiter(RedisStore(url, cache_refusals=False, timeout_s=PATIENT_S))

    async def burst() -> list[bool]:
        found = await asyncio.gather(*[limiter.acquire("key", limit) for _ in range(2000)])
        await limiter.aclose()
        return [one.allowed for one in found]

    assert sum(asyncio.run(burst())) == 1000
    limiter.close()


def test_they_go_together_and_each_is_answered_for_itself(redis_server: Server) -> None:
    redis_server.run("FLUSHALL")
    limiter = RateLimiter(RedisStore(redis_server.url, cache_refusals=False, timeout_s=PATIENT_S))
    queue, window = LeakingBucket(100, 0.001), FixedWindow(5, 10**8)

    async def burst() -> None:
        await limiter.acquire("warm", window)
        redis_server.run("CONFIG RESETSTAT")
        singles = [limiter.acquire(f"user:{number}", window, cost=number) for number in range(1, 11)]
        queued = [limiter.acquire("queue", queue) for _ in range(3)]
        pairs = [limiter.acquire_each([("a", window, 2), ("b", window, 1)]) for _ in range(3)]
        alone = await asyncio.gather(*singles)
        waits = [one.wait_s for one in await asyncio.gather(*queued)]
        both = await asyncio.gather(*pairs)
        assert [one.remaining for one in alone] == [4, 3, 2, 1, 0, 5, 5, 5, 5, 5]
        assert [one.allowed for one in alone] == [True] * 5 + [False] * 5
        assert waits == pytest.approx([0, 1000, 2000], abs=1)
        assert [[(one.allowed, one.remaining) for one in pair] for pair in both] == [
            [(True, 3), (True, 4)],
            [(True, 1), (True, 3)],
            [(False, 1), (True, 3)],
        ]
        with redis.Redis.from_url(redis_server.url) as client:
            assert client.info("commandstats")["cmdstat_evalsha"]["calls"] <= 6
        await limiter.aclose()

    asyncio.run(burst())
    limiter.close()


def test_a_look_goes_together_with_what_consumes(url: str) -> None:
    limiter = RateLimiter(RedisStore(url, cache_refusals=False, timeout_s=PATIENT_S))
    limit = FixedWindow(100, 10**8)

    async def burst() -> None:
        asked = [
            limiter.peek("key", limit) if number % 2 else limiter.acquire("key", limit)
            for number in range(20)
        ]
        left = [one.remaining for one in await asyncio.gather(*asked)]
        assert left == [99 - number // 2 for number in range(20)]
        await limiter.aclose()

    asyncio.run(burst())
    limiter.close()


def test_who_is_cancelled_before_it_is_asked_consumes_nothing(url: str) -> None:
    limiter = RateLimiter(RedisStore(url, timeout_s=PATIENT_S))
    limit = FixedWindow(1000, 10**8)

    async def burst() -> int:
        asked = [asyncio.ensure_future(limiter.acquire("key", limit)) for _ in range(500)]
        await asyncio.sleep(0)
        for one in asked[1::2]:
            one.cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in found) == 250
        left = (await limiter.peek("key", limit)).remaining
        await limiter.aclose()
        return left

    assert 500 <= asyncio.run(burst()) <= 750
    limiter.close()


def test_limits_of_one_subject_and_of_many_are_decided_together(url: str) -> None:
    """All or none, of a cluster's several servers too; what is refused leaves nothing behind."""
    limiter = RateLimiter(RedisStore(url, cache_refusals=False, timeout_s=PATIENT_S))
    whole, own = FixedWindow(50, 10**8), SlidingWindowLog(5, 10**8)

    async def burst() -> None:
        asked = [limiter.acquire_all([("all", whole, 1), (f"user:{n % 7}", own, 1)]) for n in range(200)]
        allowed = [one.allowed for one in await asyncio.gather(*asked)]
        # Seven users with five each: on a cluster a reservation that is given back may refuse another for a moment.
        assert sum(allowed) <= 35
        for number in range(7):
            for _ in range(5):
                await limiter.acquire_all([("all", whole, 1), (f"user:{number}", own, 1)])
        assert (await limiter.peek("all", whole)).remaining == 50 - 35
        assert [(await limiter.peek(f"user:{number}", own)).remaining for number in range(7)] == [0] * 7
        await limiter.aclose()

    asyncio.run(burst())
    kept = {("all", FixedWindow), *[(f"user:{number}", SlidingWindowLog) for number in range(7)]}
    assert set(limiter.kept_sync()) == kept
    limiter.close()


def _run_child(limiter: RateLimiter, limit: Limit) -> None:
    os._exit(0 if all(limiter.acquire_sync("key", limit).allowed for _ in range(100)) else 1)


def test_a_process_that_is_forked_uses_connections_of_its_own(redis_server: Server) -> None:
    redis_server.run("FLUSHALL")
    limiter = RateLimiter(RedisStore(redis_server.url, timeout_s=PATIENT_S))
    limit = FixedWindow(1000, 10**8)
    assert limiter.acquire_sync("key", limit).allowed
    children = [
        multiprocessing.get_context("fork").Process(target=_run_child, args=(limiter, limit))
        for _ in range(3)
    ]
    for child in children:
        child.start()
    for _ in range(100):
        assert limiter.acquire_sync("key", limit).allowed
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert limiter.peek_sync("key", limit).remaining == 1000 - 401
    limiter.close()
