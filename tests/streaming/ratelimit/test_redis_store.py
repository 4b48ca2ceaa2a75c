"""A shared store that answers from memory what it knows, and says in time when it cannot decide."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import redis

from streaming.ratelimit import (
    FixedWindow,
    Limit,
    RateLimiter,
    RedisStore,
    SlidingWindowCounter,
    SlidingWindowLog,
    StoreUnavailable,
    TokenBucket,
)
from streaming.ratelimit.redis_store import OnError
from tests.streaming.ratelimit.servers import Server, free_port

PATIENT_S = 10.0
"""A busy machine may take longer than a store is given by default."""


@pytest.fixture
def server(redis_url: str) -> redis.Redis:
    found = redis.Redis.from_url(redis_url)
    found.flushall()
    return found


def calls(server: redis.Redis) -> int:
    found = server.info("commandstats")
    assert isinstance(found, dict)
    return sum(found.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))


def test_a_refusal_is_answered_from_memory_until_its_wait_is_over(
    redis_url: str, server: redis.Redis
) -> None:
    limiter = RateLimiter(RedisStore(redis_url, timeout_s=PATIENT_S))
    limit = TokenBucket(capacity=1, refill_per_s=2)
    assert limiter.acquire_sync("key", limit).allowed
    refused = limiter.acquire_sync("key", limit)
    asked = calls(server)
    for _ in range(100):
        again = limiter.acquire_sync("key", limit)
        assert not again.allowed
        assert again.retry_after_s <= refused.retry_after_s
    assert calls(server) == asked
    time.sleep(again.retry_after_s)
    assert limiter.acquire_sync("key", limit).allowed
    limiter.close()


def test_a_refusal_of_several_together_is_answered_from_memory_too(
    redis_url: str, server: redis.Redis
) -> None:
    limiter = RateLimiter(RedisStore(redis_url, timeout_s=PATIENT_S))
    free, full = TokenBucket(capacity=10, refill_per_s=0.01), TokenBucket(capacity=1, refill_per_s=2)
    asked = [("user", free, 1.0), ("address", full, 1.0)]
    assert limiter.acquire_all_sync(asked).allowed
    refused = limiter.acquire_all_sync(asked)
    before = calls(server)

    async def from_a_loop() -> list[bool]:
        return [one.allowed for one in await limiter.acquire_each(asked)]

    for _ in range(100):
        again = limiter.acquire_all_sync(asked)
        assert not again.allowed
        assert again.retry_after_s <= refused.retry_after_s
    assert asyncio.run(from_a_loop()) == [True, False]
    assert calls(server) == before
    assert limiter.acquire_sync("user", free).remaining == 8
    time.sleep(again.retry_after_s)
    assert limiter.acquire_all_sync(asked).allowed
    limiter.acquire_all_sync(asked)
    limiter.reset_sync("address", full)
    assert limiter.acquire_all_sync(asked).allowed
    limiter.close()


def test_limiters_on_one_server_share_what_was_used_and_survive_that_it_forgets_its_scripts(
    redis_url: str, server: redis.Redis
) -> None:
    one, other = (RateLimiter(RedisStore(redis_url, timeout_s=PATIENT_S)) for _ in range(2))
    limit = FixedWindow(limit=10**6, window_s=10**9)
    assert one.acquire_sync("key", limit).remaining == 10**6 - 1
    server.script_flush()
    assert other.acquire_sync("key", limit).remaining == 10**6 - 2
    server.client_kill_filter(_type="normal", skipme=True)
    assert one.acquire_sync("key", limit).remaining == 10**6 - 3

    async def from_a_loop() -> int:
        found = await one.acquire("key", limit)
        await one.acquire_all([("key", limit, 2), ("key", limit, 3)])
        await one.aclose()
        return found.remaining

    assert asyncio.run(from_a_loop()) == 10**6 - 4
    assert other.peek_sync("key", limit).remaining == 10**6 - 9
    one.close()
    other.close()


@pytest.mark.parametrize(
    "limit", [FixedWindow(3, 10**8), SlidingWindowLog(3, 60), SlidingWindowCounter(3, 60)]
)
def test_a_node_whose_clock_is_ahead_admits_nothing_more(
    redis_url: str, server: redis.Redis, monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    """`limits` 5.8 lets a node 61 s ahead use a limit a second time."""
    limiter = RateLimiter(RedisStore(redis_url, cache_refusals=False, timeout_s=PATIENT_S))
    assert [limiter.acquire_sync("key", limit).allowed for _ in range(4)] == [True, True, True, False]
    now_s, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now_s() + 61)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 61 * 10**9)
    assert not limiter.acquire_sync("key", limit).allowed
    limiter.close()


@pytest.mark.parametrize("on_error", ["open", "closed", "local"])
def test_without_a_server_the_policy_answers(tmp_path: Path, on_error: OnError) -> None:
    limiter = RateLimiter(RedisStore(f"unix://{tmp_path / 'none'}", on_error=on_error))
    allowed = [limiter.acquire_sync("key", FixedWindow(2, 10**6)).allowed for _ in range(3)]
    assert allowed == {"open": [True] * 3, "closed": [False] * 3, "local": [True, True, False]}[on_error]


def test_without_a_server_callers_are_told_at_once(tmp_path: Path) -> None:
    limiter = RateLimiter(RedisStore(f"unix://{tmp_path / 'none'}"))
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="rate limits at unix"):
        limiter.acquire_sync("key", TokenBucket(1, 1))
    with pytest.raises(StoreUnavailable):
        asyncio.run(limiter.acquire("key", TokenBucket(1, 1)))
    assert time.monotonic() - begun < 1


def test_a_clusters_url_names_several_servers_and_one_that_is_away_is_passed_over(
    redis_cluster: list[Server],
) -> None:
    named = ",".join(f"127.0.0.1:{port}" for port in (free_port(), redis_cluster[1].port))
    store = RedisStore(f"redis+cluster://{named}", timeout_s=PATIENT_S)
    limiter = RateLimiter(store)
    redis_cluster[1].run("FLUSHALL")
    allowed = [limiter.acquire_sync(f"key {number}", FixedWindow(1, 3600)).allowed for number in range(20)]
    assert all(allowed), "keys of all slots are decided"
    limiter.close()
    with pytest.raises(ValueError, match=r"redis\+cluster://host:port"):
        RedisStore("redis+cluster://")
