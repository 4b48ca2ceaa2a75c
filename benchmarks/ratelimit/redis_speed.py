"""Decisions a second on Redis, one by one and many at once, against a script that does nothing; cached refusals."""

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
"""The trivial script, packed beforehand, without redis-py's client around the connection."""

SYNC_LIMIT = 0.9
"""Of the rate of a script that does nothing."""

ASYNC_LIMIT, ASYNC_SHARE = 40_000.0, 0.6
"""Decisions a second, or share of the ceiling: one of them has to be met."""

CACHED_LIMIT = 300_000.0

IN_FLIGHT = 1000
"""Requests that wait at once in one event loop."""

PIPELINED = 64
"""Scripts that go together in the ceiling's pipeline."""

KEYS = [f"user:{number}" for number in range(1000)]


@dataclass(frozen=True)
class Measured:
    """What Redis's speeds came to; rates by algorithm."""

    blocking: dict[str, Rates]
    coalesced: dict[str, Rates]
    cached_rate: float
    cached_calls: int


def measure(asked: int, rounds: int, seed: int, say: Say) -> Measured:
    """So many requests a turn one by one, ten times as many at once, and a hundred times as many from memory."""
    with redis_server() as server:
        blocking = {kind: _measure_blocking(server, kind, asked, rounds, seed, say) for kind in ORACLES}
        coalesced = {
            kind: _measure_coalesced(server, kind, 10 * asked, rounds, seed, say) for kind in ORACLES
        }
        rate, calls = _measure_cached(server, 100 * asked, rounds, say)
    return Measured(blocking, coalesced, rate, calls)


def build_figures(found: Measured) -> list[Figure]:
    """The least of the five decides; each one's own follow."""
    told = [
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
        told.append(Figure(f"Redis, blocking, {kind}: ratio to it", rates.ratio("ours", "trivial"), "x"))
        told += [
            Figure(f"Redis, blocking, {kind}: {name}", rates.rate(name), "decisions/s")
            for name in rates.by_name
            if name != BARE
        ]
    told.append(
        Figure(
            f"Redis, {IN_FLIGHT} at once: least of rate / {ASYNC_LIMIT:.0f} or share of the ceiling / {ASYNC_SHARE}",
            min(_compute_score(rates) for rates in found.coalesced.values()),
            "x",
            limit=1,
            at_least=True,
        )
    )
    for kind, rates in found.coalesced.items():
        told += [
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: ours", rates.rate("ours"), "decisions/s"),
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: the ceiling", rates.rate("ceiling"), "scripts/s"),
            Figure(f"Redis, {IN_FLIGHT} at once, {kind}: share of it", rates.ratio("ours", "ceiling"), "x"),
        ]
    return [
        *told,
        Figure("refusals from memory", found.cached_rate, "decisions/s", limit=CACHED_LIMIT, at_least=True),
        Figure("scripts that Redis ran meanwhile", found.cached_calls, "scripts", limit=0),
    ]


def _compute_score(rates: Rates) -> float:
    """At least 1 where the rate or the share of the ceiling is high enough."""
    return max(rates.rate("ours") / ASYNC_LIMIT, rates.ratio("ours", "ceiling") / ASYNC_SHARE)


def _draw_keys(seed: int, asked: int) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - it hides nothing, it must repeat
    return [chance.choice(KEYS) for _ in range(asked)]


def _measure_blocking(server: RedisServer, kind: str, asked: int, rounds: int, seed: int, say: Say) -> Rates:
    """Each on connections of its own, opened in the round that is not counted."""
    server.client.flushall()
    keys = _draw_keys(seed, asked)
    with redis.Redis.from_url(server.url) as client:
        sha = client.script_load(TRIVIAL)

        def trivial(_: int) -> int:
            for key in keys:
                client.evalsha(sha, 1, key)
            return asked

        connection = client.connection_pool.get_connection()
        packed = connection.pack_command("EVALSHA", sha, 1, KEYS[0])

        def bare(_: int) -> int:
            for _key in keys:
                connection.send_packed_command(packed)
                connection.read_response()
            return asked

        askers = build_redis_askers(server.url, Quota(kind, 1_000_000, DAY_S))
        turns: dict[str, Callable[[int], int]] = {"trivial": trivial, BARE: bare}
        turns |= {name: partial(_run_turn, name, asker, keys) for name, asker in askers.items()}
        rates = run_rounds(turns, rounds)
    said = ", ".join(f"{name} {rates.rate(name):,.0f}/s" for name in rates.by_name)
    say(f"Redis, blocking: {kind}: {said}; {rates.ratio('ours', 'trivial'):.2f} times the trivial script")
    return rates


def _run_turn(name: str, asker: Callable[[Sequence[str]], int], keys: Sequence[str], _: int) -> int:
    if (allowed := asker(keys)) != len(keys):
        raise StageError(f"{name} allowed {allowed} of {len(keys)}")
    return len(keys)


def _measure_coalesced(server: RedisServer, kind: str, asked: int, rounds: int, seed: int, say: Say) -> Rates:
    server.client.flushall()
    keys = _draw_keys(seed, asked)
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
    said = ", ".join(f"{name} {rates.rate(name):,.0f}/s" for name in rates.by_name)
    say(f"Redis, {IN_FLIGHT} at once: {kind}: {said}; {rates.ratio('ours', 'ceiling'):.2f} of the ceiling")
    return rates


async def _run_pipelines(client: Any, sha: str, keys: Sequence[str]) -> int:
    """What redis-py can do: pipelines of scripts that do nothing."""
    for first in range(0, len(keys), PIPELINED):
        pipeline = client.pipeline(transaction=False)
        for key in keys[first : first + PIPELINED]:
            pipeline.evalsha(sha, 1, key)
        await pipeline.execute()
    return len(keys)


async def _run_callers(limiter: RateLimiter, limit: Any, keys: Sequence[str]) -> int:
    """Callers that each ask again as soon as they have their answer, so many of them."""
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


def _measure_cached(server: RedisServer, asked: int, rounds: int, say: Say) -> tuple[float, int]:
    """Refusals a second of keys that are used up, and how many scripts Redis ran for them."""
    server.client.flushall()
    limiter = RateLimiter(RedisStore(server.url, timeout_s=TIMEOUT_S))
    ask = wrap_ours(limiter, Quota("token_bucket", 1, DAY_S))
    ask(KEYS)
    ask(KEYS)
    keys = KEYS * max(1, asked // len(KEYS))
    before = server.count_calls()

    def turn(_: int) -> int:
        if allowed := ask(keys):
            raise StageError(f"{allowed} of {len(keys)} were allowed of keys that are used up")
        return len(keys)

    rate = run_rounds({"ours": turn}, rounds, time.process_time).rate("ours")
    limiter.close()
    calls = server.count_calls() - before
    say(f"refusals from memory: {rate:,.0f}/s, {calls} scripts run meanwhile")
    return rate, calls
