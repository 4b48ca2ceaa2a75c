"""Part `redis-speed`: rates on Redis, sequential and concurrent, against a no-op script; cached refusals."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis
import redis.asyncio

from benchmarks.ratelimit.oracle import ORACLES
from benchmarks.ratelimit.peers import DAY_S, TIMEOUT_S, Quota, build_redis_askers, wrap_ours
from benchmarks.ratelimit.redis_server import RedisServer, redis_server
from benchmarks.ratelimit.rounds import Rates, run_rounds
from benchmarks.report import Figure, Say
from schemas.errors import StageError
from streaming.ratelimit import RateLimiter, RedisStore

TRIVIAL = "return 1"

BARE = "bare connection"
"""The trivial script as a prepared command on a connection, without redis-py's client."""

SYNC_LIMIT = 0.9
"""Share of the rate of a no-op script."""

ASYNC_LIMIT, ASYNC_SHARE = 40_000.0, 0.6
"""Decisions per second, or share of the ceiling: one of the two must be reached."""

CACHED_LIMIT = 300_000.0

IN_FLIGHT = 1000
"""Concurrent requests in one event loop."""

PIPELINED = 64
"""Scripts per pipeline of the ceiling."""

KEYS = [f"user:{number}" for number in range(1000)]


@dataclass(frozen=True)
class Measured:
    """Rates on Redis by algorithm."""

    blocking: dict[str, Rates]
    coalesced: dict[str, Rates]
    cached_rate: float
    cached_calls: int


def measure(requests: int, rounds: int, seed: int, say: Say) -> Measured:
    """Measure `requests` requests per turn in sequence, 10 times as many concurrently, 100 times as many cached."""
    with redis_server() as server:
        blocking = {kind: _measure_blocking(server, kind, requests, rounds, seed, say) for kind in ORACLES}
        coalesced = {
            kind: _measure_coalesced(server, kind, 10 * requests, rounds, seed, say) for kind in ORACLES
        }
        rate, calls = _measure_cached(server, 100 * requests, rounds, say)
    return Measured(blocking, coalesced, rate, calls)


def build_figures(found: Measured) -> list[Figure]:
    """Minimum over the five, with its limit; then the figures of each."""
    figures = [
        Figure(
            "Redis, blocking: least ratio to a script that does nothing",
            min(rates.ratio("ours", "trivial") for rates in found.blocking.values()),
            "x",
            limit=SYNC_LIMIT,
            at_least=True,
        ),
        Figure(
            "Redis, blocking: least ratio to it on a bare connection",
            min(rates.ratio("ours", BARE) for rates in found.blocking.values()),
            "x",
        ),
    ]
    for kind, rates in found.blocking.items():
        figures.append(Figure(f"Redis, blocking, {kind}: ratio to it", rates.ratio("ours", "trivial"), "x"))
        figures += [
            Figure(f"Redis, blocking, {kind}: {name}", rates.rate(name), "decisions/s")
            for name in rates.by_name
            if name != BARE
        ]
    figures.append(
        Figure(
            f"Redis, {IN_FLIGHT} at once: least of rate / {ASYNC_LIMIT:.0f} or share of the ceiling / {ASYNC_SHARE}",
            min(_compute_score(rates) for rates in found.coalesced.values()),
            "x",
            limit=1,
            at_least=True,
        )
    )
    for kind, rates in found.coalesced.items():
        figures += [
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: ours", rates.rate("ours"), "decisions/s"),
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: the ceiling", rates.rate("ceiling"), "scripts/s"),
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: share of it", rates.ratio("ours", "ceiling"), "x"),
        ]
    return [
        *figures,
        Figure("refusals from memory", found.cached_rate, "decisions/s", limit=CACHED_LIMIT, at_least=True),
        Figure("scripts that Redis ran meanwhile", found.cached_calls, "scripts", limit=0),
    ]


def _compute_score(rates: Rates) -> float:
    """Score of at least 1 if the rate or the share of the ceiling is high enough."""
    return max(rates.rate("ours") / ASYNC_LIMIT, rates.ratio("ours", "ceiling") / ASYNC_SHARE)


def _draw_keys(seed: int, requests: int) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [chance.choice(KEYS) for _ in range(requests)]


def _measure_blocking(
    server: RedisServer, kind: str, requests: int, rounds: int, seed: int, say: Say
) -> Rates:
    """Sequential rates, each on connections of its own, which are opened in the warm-up round."""
    server.client.flushall()
    keys = _draw_keys(seed, requests)
    with redis.Redis.from_url(server.url) as client:
        sha = client.script_load(TRIVIAL)

        def trivial(_: int) -> int:
            for key in keys:
                client.evalsha(sha, 1, key)
            return requests

        connection = client.connection_pool.get_connection()
        packed = connection.pack_command("EVALSHA", sha, 1, KEYS[0])

        def bare(_: int) -> int:
            for _key in keys:
                connection.send_packed_command(packed)
                connection.read_response()
            return requests

        askers = build_redis_askers(server.url, Quota(kind, 1_000_000, DAY_S))
        turns: dict[str, Callable[[int], int]] = {"trivial": trivial, BARE: bare}
        turns |= {name: partial(_run_turn, name, asker, keys) for name, asker in askers.items()}
        rates = run_rounds(turns, rounds)
    listed = ", ".join(f"{name} {rates.rate(name):,.0f}/s" for name in rates.by_name)
    say(f"Redis, blocking: {kind}: {listed}; {rates.ratio('ours', 'trivial'):.2f} times the no-op script")
    return rates


def _run_turn(name: str, asker: Callable[[Sequence[str]], int], keys: Sequence[str], _: int) -> int:
    if (allowed := asker(keys)) != len(keys):
        raise StageError(f"{name} allowed {allowed} of {len(keys)}")
    return len(keys)


def _measure_coalesced(
    server: RedisServer, kind: str, requests: int, rounds: int, seed: int, say: Say
) -> Rates:
    server.client.flushall()
    keys = _draw_keys(seed, requests)
    loop = asyncio.new_event_loop()
    try:
        limiter = RateLimiter(RedisStore(server.url, timeout_s=TIMEOUT_S))
        client = redis.asyncio.Redis.from_url(server.url)
        sha = loop.run_until_complete(client.script_load(TRIVIAL))
        limit = Quota(kind, 1_000_000, DAY_S).limit
        rates = run_rounds(
            {
                "ceiling": lambda _: loop.run_until_complete(_run_pipelines(client, sha, keys)),
                "ours": lambda _: loop.run_until_complete(_run_callers(limiter, limit, keys)),
            },
            rounds,
        )
        loop.run_until_complete(limiter.aclose())
        loop.run_until_complete(client.aclose())
    finally:
        loop.close()
    listed = ", ".join(f"{name} {rates.rate(name):,.0f}/s" for name in rates.by_name)
    say(f"Redis, {IN_FLIGHT} at once: {kind}: {listed}; {rates.ratio('ours', 'ceiling'):.2f} of the ceiling")
    return rates


async def _run_pipelines(client: Any, sha: str, keys: Sequence[str]) -> int:
    """The ceiling of redis-py: pipelines of no-op scripts."""
    for first in range(0, len(keys), PIPELINED):
        pipeline = client.pipeline(transaction=False)
        for key in keys[first : first + PIPELINED]:
            pipeline.evalsha(sha, 1, key)
        await pipeline.execute()
    return len(keys)


async def _run_callers(limiter: RateLimiter, limit: Any, keys: Sequence[str]) -> int:
    """IN_FLIGHT callers, each of which sends its next request as soon as it has its decision."""
    waiting, allowed = iter(keys), 0

    async def caller() -> None:
        nonlocal allowed
        for key in waiting:
            decision = await limiter.acquire(key, limit)
            allowed += decision.allowed

    await asyncio.gather(*[caller() for _ in range(IN_FLIGHT)])
    if allowed != len(keys):
        raise StageError(f"{allowed} of {len(keys)} were allowed")
    return allowed


def _measure_cached(server: RedisServer, requests: int, rounds: int, say: Say) -> tuple[float, int]:
    """Refusals per second on exhausted keys, and the number of scripts that Redis ran for them."""
    server.client.flushall()
    limiter = RateLimiter(RedisStore(server.url, timeout_s=TIMEOUT_S))
    ask = wrap_ours(limiter, Quota("token_bucket", 1, DAY_S))
    ask(KEYS)
    ask(KEYS)
    keys = KEYS * max(1, requests // len(KEYS))
    before = server.count_calls()

    def turn(_: int) -> int:
        if allowed := ask(keys):
            raise StageError(f"{allowed} of {len(keys)} requests on exhausted keys were allowed")
        return len(keys)

    rate = run_rounds({"ours": turn}, rounds, time.process_time).rate("ours")
    limiter.close()
    calls = server.count_calls() - before
    say(f"cached refusals: {rate:,.0f}/s, {calls} scripts run by Redis")
    return rate, calls
