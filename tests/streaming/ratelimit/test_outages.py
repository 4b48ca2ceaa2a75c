"""Servers that fall silent, restart, forget their scripts, hand over to a replica or give slots away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from redis.crc import key_slot

from streaming.ratelimit import FixedWindow, RateLimiter, RedisStore, StoreUnavailable
from streaming.ratelimit.redis_calls import redis_key
from streaming.ratelimit.redis_store import OnError
from tests.streaming.ratelimit.servers import SLOTS, Server, cluster, free_port, one_server, wait_until

LIMIT = FixedWindow(limit=10**6, window_s=10**9)
SLACK_S = 0.5
"""What a busy test machine may need on top of the store's time."""


def acquire_once(limiter: RateLimiter, key: str) -> bool:
    """One request from an event loop of its own."""

    async def ask() -> bool:
        try:
            return (await limiter.acquire(key, LIMIT)).allowed
        finally:
            await limiter.aclose()

    return asyncio.run(ask())


def last_of_first(server: Server) -> int:
    """Who holds the first server's last slot, as this one sees it."""
    return next(
        int(port) for _, last, (_, port, *_), *_ in server.run("CLUSTER SLOTS") if last == SLOTS // 3 - 1
    )


@pytest.mark.parametrize("on_error", ["raise", "open", "closed", "local"])
def test_a_silent_server_is_given_up_in_time_and_used_again_when_it_is_back(
    redis_server: Server, on_error: OnError
) -> None:
    redis_server.run("FLUSHALL")
    limiter = RateLimiter(RedisStore(redis_server.url, on_error=on_error))

    def outcomes(*, blocking: bool) -> list[object]:
        async def burst() -> list[object]:
            found = await asyncio.gather(
                *[limiter.acquire("key", LIMIT) for _ in range(300)], return_exceptions=True
            )
            await limiter.aclose()
            return [getattr(one, "allowed", type(one)) for one in found]

        if not blocking:
            return asyncio.run(burst())
        try:
            return [limiter.acquire_sync("key", LIMIT).allowed]
        except StoreUnavailable:
            return [StoreUnavailable]

    wait_until(lambda: outcomes(blocking=True) == [True], "an answer")
    with redis_server.frozen():
        for blocking in (True, False):
            begun = time.monotonic()
            expected = {"raise": StoreUnavailable, "open": True, "closed": False, "local": True}[on_error]
            assert set(outcomes(blocking=blocking)) == {expected}
            assert time.monotonic() - begun < 0.05 + SLACK_S
    wait_until(lambda: outcomes(blocking=True) == [True], "an answer again")
    wait_until(lambda: set(outcomes(blocking=False)) == {True}, "answers again")
    limiter.close()


def test_a_restarted_server_is_found_again(tmp_path: Path) -> None:
    with one_server(tmp_path / "r", port=free_port()) as server:
        limiter = RateLimiter(RedisStore(server.url, timeout_s=5))

        async def live() -> None:
            assert (await limiter.acquire("key", LIMIT)).remaining == 10**6 - 1
            server.kill()
            with pytest.raises(StoreUnavailable, match=f"rate limits at redis://127.0.0.1:{server.port}"):
                await limiter.acquire("key", LIMIT)
            with pytest.raises(StoreUnavailable):
                limiter.acquire_all_sync([("key", LIMIT, 1), ("other", LIMIT, 1)])
            server.start()  # an empty one: it kept nothing, scripts included
            found = await asyncio.gather(*[limiter.acquire("key", LIMIT) for _ in range(200)])
            assert sorted(one.remaining for one in found) == list(range(10**6 - 200, 10**6))
            await limiter.aclose()

        asyncio.run(live())


def test_a_server_that_says_no_counts_as_away(tmp_path: Path) -> None:
    with one_server(tmp_path / "r", "--maxmemory", "1") as server:
        limiter = RateLimiter(RedisStore(server.url))
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            limiter.acquire_sync("key", LIMIT)
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            acquire_once(limiter, "key")
        assert RateLimiter(RedisStore(server.url, on_error="open")).acquire_sync("key", LIMIT).allowed


def test_a_password_is_kept_out_of_errors(tmp_path: Path) -> None:
    with one_server(tmp_path / "r", port=free_port()) as server:
        server.run("CONFIG SET", "requirepass", "right")
        url = f"redis://:right@127.0.0.1:{server.port}"
        assert RateLimiter(RedisStore(url)).acquire_sync("key", LIMIT).allowed
        with pytest.raises(StoreUnavailable) as found:
            RateLimiter(RedisStore(url.replace("right", "wrong"))).acquire_sync("key", LIMIT)
        assert "wrong" not in str(found.value)


def test_a_cluster_hands_over_and_gives_slots_away(tmp_path: Path) -> None:
    with cluster(tmp_path, replicas=1, node_timeout_ms=500) as servers:
        limiter = RateLimiter(RedisStore(servers[1].url, timeout_s=5))
        keys = [f"user:{number}" for number in range(60)]

        async def everybody() -> list[int]:
            found = await asyncio.gather(*[limiter.acquire(key, LIMIT) for key in keys])
            await limiter.aclose()
            return [10**6 - one.remaining for one in found]

        assert asyncio.run(everybody()) == [1] * 60
        assert [10**6 - limiter.acquire_sync(key, LIMIT).remaining for key in keys] == [2] * 60

        # The second server's slots that are in use move to the third, half of them only half way.
        second, third = servers[1].says("CLUSTER MYID"), servers[2].says("CLUSTER MYID")
        in_use = {key_slot(redis_key("ratelimit", LIMIT.kind, key)) for key in keys}
        for number, slot in enumerate(sorted(in_use & set(range(SLOTS // 3, 2 * SLOTS // 3)))):
            servers[2].run("CLUSTER SETSLOT", slot, "IMPORTING", second)
            servers[1].run("CLUSTER SETSLOT", slot, "MIGRATING", third)
            for key in servers[1].run("CLUSTER GETKEYSINSLOT", slot, 10):
                servers[1].run("MIGRATE", "127.0.0.1", servers[2].port, key, 0, 5000)
            if number % 2:  # of the others each request is sent on for once (ASK)
                for server in servers[:3]:
                    server.run("CLUSTER SETSLOT", slot, "NODE", third)
        assert asyncio.run(everybody()) == [3] * 60
        assert [10**6 - limiter.acquire_sync(key, LIMIT).remaining for key in keys] == [4] * 60

        # The first server dies; its replica takes over.
        wait_until(lambda: servers[3].run("DBSIZE") == servers[0].run("DBSIZE"), "a copy of all keys")
        servers[0].kill()
        wait_until(
            lambda: all(last_of_first(one) == servers[3].port for one in servers[1:]),
            "all know the new master",
        )
        assert asyncio.run(everybody()) == [5] * 60
        assert [10**6 - limiter.acquire_sync(key, LIMIT).remaining for key in keys] == [6] * 60
        limiter.close()
