"""A server that falls silent in the middle of its work: how long callers wait for what the store is told to answer."""

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
"""That ask at the same time in one event loop."""

RECOVERY_WITHIN_S = 10.0
"""In which a server that goes on has to be used again."""

UNEXPECTED_DECISION = "a stopped server is said to have decided"
ENDLESS = FixedWindow(10**9, 86_400)


@dataclass
class Measured:
    """Waits of callers while the server is silent, and how long after it went on it decided again."""

    blocking_ms: list[float] = field(default_factory=list)
    together_ms: list[float] = field(default_factory=list)
    back_ms: list[float] = field(default_factory=list)


def measure(rounds: int, say: Say) -> Measured:
    """So many times silent. Raises StageError where a caller is told anything but that the server is away."""
    found = Measured()
    with redis_server() as server:
        limiter = RateLimiter(RedisStore(server.url, cache_refusals=False))
        for _ in range(rounds):
            asyncio.run(_run_silence(server, limiter, found))
        limiter.close()
    say(f"outage: at most {max(found.blocking_ms):.1f} ms blocking, {max(found.together_ms):.1f} ms together")
    return found


def build_figures(found: Measured) -> list[Figure]:
    """The longest waits, which have a limit, and the longest recovery."""
    return [
        Figure("silent server: longest wait, blocking", max(found.blocking_ms), "ms", limit=LIMIT_MS),
        Figure(
            f"silent server: longest wait, {CALLERS} at once", max(found.together_ms), "ms", limit=LIMIT_MS
        ),
        Figure("server that goes on: longest until it decides", max(found.back_ms), "ms"),
    ]


async def _run_silence(server: RedisServer, limiter: RateLimiter, found: Measured) -> None:
    """One silence, while connections are open."""
    await asyncio.gather(*[limiter.acquire("key", ENDLESS) for _ in range(CALLERS)])
    _time_recovery(limiter)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        found.together_ms += await asyncio.gather(*[_time_refusal(limiter) for _ in range(CALLERS)])
        began_s = time.perf_counter()
        with contextlib.suppress(StoreUnavailable):
            limiter.acquire_sync("key", ENDLESS)
            raise StageError(UNEXPECTED_DECISION)
        found.blocking_ms.append((time.perf_counter() - began_s) * 1000)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    found.back_ms.append(_time_recovery(limiter))
    await limiter.aclose()


async def _time_refusal(limiter: RateLimiter) -> float:
    began_s = time.perf_counter()
    with contextlib.suppress(StoreUnavailable):
        await limiter.acquire("key", ENDLESS)
        raise StageError(UNEXPECTED_DECISION)
    return (time.perf_counter() - began_s) * 1000


def _time_recovery(limiter: RateLimiter) -> float:
    """Milliseconds until the server decides. Raises StageError where it does not."""
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < RECOVERY_WITHIN_S:
        with contextlib.suppress(StoreUnavailable):
            limiter.acquire_sync("key", ENDLESS)
            return (time.perf_counter() - began_s) * 1000
    raise StageError(f"a server that went on is not used again within {RECOVERY_WITHIN_S:g} s")
