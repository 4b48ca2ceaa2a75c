"""Several limits over several slots of a cluster: all or none, and what was reserved for nothing is given back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming.ratelimit import FixedWindow, Limit, MemoryStore, RateLimiter, RedisStore, redis_calls
from streaming.ratelimit.limits import Request
from streaming.ratelimit.redis_calls import give_back, many
from streaming.ratelimit.redis_servers import Servers, unwrap
from streaming.ratelimit.redis_slots import Slots
from tests.streaming.ratelimit.conftest import START_US, Clock
from tests.streaming.ratelimit.servers import Server
from tests.streaming.ratelimit.test_exactness import LIMITS, History, compute_used

PAUSES_US = st.sampled_from([0, 1, 333_333, 10**6, 10**7])
COSTS: st.SearchStrategy[Any] = st.sampled_from([1, 2, Fraction(1, 2), 100])


@pytest.fixture
def servers(redis_server: Server) -> Iterator[Servers]:
    redis_server.run("FLUSHALL")
    found = Servers(redis_server.url, Slots(), 10)
    yield found
    found.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cluster_decides_many_as_memory_does(
    redis_cluster: list[Server], clock: Clock, data: st.DataObject
) -> None:
    for server in redis_cluster:
        server.run("FLUSHALL")
    clock.set(START_US)
    memory = RateLimiter(MemoryStore(clock=lambda: Fraction(clock.now_us, 10**6)))
    cluster = RateLimiter(RedisStore(redis_cluster[0].url, cache_refusals=False, timeout_s=10))
    subjects = [
        (f"{name}:{kind}", data.draw(limits, label=kind)) for kind, limits in LIMITS.items() for name in "ab"
    ]
    asked = st.lists(st.tuples(st.sampled_from(subjects), COSTS), min_size=1, max_size=6)
    for _ in range(data.draw(st.integers(1, 5), label="times")):
        clock.pass_us(data.draw(PAUSES_US, label="pause"))
        requests = [(key, limit, cost) for (key, limit), cost in data.draw(asked, label="asked")]
        assert cluster.acquire_all_sync(requests) == pytest.approx(memory.acquire_all_sync(requests))
    for key, limit in subjects:
        assert cluster.peek_sync(key, limit) == pytest.approx(memory.peek_sync(key, limit))
    cluster.close()


@pytest.mark.parametrize("kind", LIMITS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_given_back_it_is_as_if_it_had_never_been(
    kind: str, servers: Servers, clock: Clock, data: st.DataObject
) -> None:
    """Exactly so for windows. A bucket that ran empty meanwhile may be left fuller than without, never emptier."""
    limit: Limit = data.draw(LIMITS[kind])
    clock.set(START_US)
    history: History = []
    steps = st.lists(st.tuples(PAUSES_US, COSTS), max_size=5)
    unwrap(servers.answer(redis_calls.reset("t", limit, "key")))

    def run(drawn: list[tuple[int, Fraction]]) -> None:
        for pause_us, cost in drawn:
            clock.pass_us(pause_us)
            request = Request.check("key", limit, cost)
            if servers.answer(many("t", [([request], True)]))[0]:
                history.append((clock.now_us, Fraction(cost)))

    run(data.draw(steps, label="before"))
    clock.pass_us(data.draw(PAUSES_US, label="pause"))
    group = [Request.check("key", limit, data.draw(COSTS, label=f"cost {number}")) for number in range(2)]
    taken = servers.answer(many("t", [(group, True)]))
    reserved = all(answer == 1 for answer in taken[:: redis_calls.ANSWER_SIZE])
    later = data.draw(steps, label="meanwhile")
    run(later)
    clock.pass_us(data.draw(PAUSES_US, label="until it is given back"))
    if reserved:
        servers.answer(give_back("t", group, taken))
    [_, remaining, _, reset_us, *_] = servers.answer(
        redis_calls.one("t", Request.check("key", limit, 1), take=False)
    )
    counted = compute_used(limit, history, clock.now_us)
    size = Fraction(getattr(limit, "limit", None) or getattr(limit, "capacity", None) or limit.bucket_size)  # type: ignore[union-attr]
    if kind.endswith("bucket") and later:
        assert remaining <= max(0, math.floor(size - counted))
    else:
        assert remaining == max(0, math.floor(size - counted))
        assert compute_used(limit, history, clock.now_us + reset_us) == 0
        assert reset_us == 0 or compute_used(limit, history, clock.now_us + reset_us - 1) > 0 or counted == 0


def test_a_lost_server_refuses_nothing_it_does_not_hold(redis_cluster: list[Server]) -> None:
    """What the others granted is given back when one does not answer."""
    limiter = RateLimiter(RedisStore(redis_cluster[0].url, on_error="closed", timeout_s=1))
    limit = FixedWindow(10, 10**9)
    keys = [f"lost:{number}" for number in range(30)]
    for key in keys:
        limiter.reset_sync(key, limit)
        assert limiter.acquire_sync(key, limit).remaining == 9
    with redis_cluster[2].frozen():
        assert not limiter.acquire_all_sync([(key, limit, 1) for key in keys]).allowed
        left = [limiter.peek_sync(key, limit) for key in keys[:6]]
    assert {one.remaining for one in left if one.allowed} == {9}
    limiter.close()


def test_keys_of_one_tag_are_decided_in_one_step(redis_cluster: list[Server]) -> None:
    limiter = RateLimiter(RedisStore(redis_cluster[0].url, cache_refusals=False, timeout_s=10))
    asked = [(f"{{user:1}}:{what}", FixedWindow(2, 10**9), 1.0) for what in ("a", "b", "c")]

    def calls() -> int:
        found = 0
        for server in redis_cluster:
            with redis.Redis.from_url(server.url) as client:
                stats = client.info("commandstats")
            found += sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))
        return found

    limiter.acquire_all_sync(asked)
    before = calls()
    assert [limiter.acquire_all_sync(asked).allowed for _ in range(3)] == [True, False, False]
    assert calls() - before == 3
    limiter.close()
