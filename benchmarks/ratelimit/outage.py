"""Part `outage`: waiting time of callers while the Redis server is unresponsive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field

from benchmarks.ratelimit.redis_server import RedisServer, redis_server
from benchmarks.report import Figure, Say
from schemas.errors import StageError
from streaming.ratelimit import FixedWindow, RateLimiter, RedisStore, StoreUnavailable

LIMIT_MS = 50.0
CALLERS = 100
"""Concurrent callers in one event loop."""

RECOVERY_WITHIN_S = 10.0
"""Time within which a resumed server must be used again."""

UNEXPECTED_DECISION = "the limiter returned a decision of a stopped server"
ENDLESS = FixedWindow(10**9, 86_400)


@dataclass
class Measured:
    """Waiting times of callers while the server is stopped, and the time from its resumption to its first decision."""

    blocking_ms: list[float] = field(default_factory=list)
    concurrent_ms: list[float] = field(default_factory=list)
    recovery_ms: list[float] = field(default_factory=list)


def measure(rounds: int, say: Say) -> Measured:
    """Stop the server `rounds` times. Raises StageError if a caller gets anything but StoreUnavailable."""
    found = Measured()
    with redis_server() as server:
        limiter = RateLimiter(RedisStore(server.url, cache_refusals=False))
        for _ in range(rounds):
            asyncio.run(_run_silence(server, limiter, found))
        limiter.close()
    say(
        f"outage: at most {max(found.blocking_ms):.1f} ms blocking, {max(found.concurrent_ms):.1f} ms concurrent"
    )
    return found


def build_figures(found: Measured) -> list[Figure]:
    """Longest waits, which have a limit, and longest recovery."""
    return [
        Figure("silent server: longest wait, blocking", max(found.blocking_ms), "ms", limit=LIMIT_MS),
        Figure(
            f"silent server: longest wait, {CALLERS} at once", max(found.concurrent_ms), "ms", limit=LIMIT_MS
        ),
        Figure("server that goes on: longest until it decides", max(found.recovery_ms), "ms"),
    ]


async def _run_silence(server: RedisServer, limiter: RateLimiter, found: Measured) -> None:
    """Stop and resume the server once, while connections are open."""
    await asyncio.gather(*[limiter.acquire("key", ENDLESS) for _ in range(CALLERS)])
    _time_recovery(limiter)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        found.concurrent_ms += await asyncio.gather(*[_time_refusal(limiter) for _ in range(CALLERS)])
        began_s = time.perf_counter()
        with contextlib.suppress(StoreUnavailable):
            limiter.acquire_sync("key", ENDLESS)
            raise StageError(UNEXPECTED_DECISION)
        found.blocking_ms.append((time.perf_counter() - began_s) * 1000)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    found.recovery_ms.append(_time_recovery(limiter))
    await limiter.aclose()


async def _time_refusal(limiter: RateLimiter) -> float:
    began_s = time.perf_counter()
    with contextlib.suppress(StoreUnavailable):
        await limiter.acquire("key", ENDLESS)
        raise StageError(UNEXPECTED_DECISION)
    return (time.perf_counter() - began_s) * 1000


def _time_recovery(limiter: RateLimiter) -> float:
    """Milliseconds until the server decides. Raises StageError if it does not within RECOVERY_WITHIN_S."""
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < RECOVERY_WITHIN_S:
        with contextlib.suppress(StoreUnavailable):
            limiter.acquire_sync("key", ENDLESS)
            return (time.perf_counter() - began_s) * 1000
    raise StageError(f"the resumed server was not used again within {RECOVERY_WITHIN_S:g} s")
