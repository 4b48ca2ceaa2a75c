"""Every answer of the five, in memory and on Redis, against the oracle: random histories, compared field by field."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing import get_context, parent_process
from typing import Protocol

import psutil

from benchmarks.ratelimit.held_clock import HeldClock, build_environment, held_server
from benchmarks.ratelimit.histories import Back, Event, World, generate_histories
from benchmarks.ratelimit.oracle import MICROSECONDS, ORACLES
from benchmarks.ratelimit.peers import TIMEOUT_S
from benchmarks.ratelimit.redis_server import RedisServer
from benchmarks.report import Figure, Say
from streaming.ratelimit import Decision, MemoryStore, RateLimiter, RedisStore

MAX_AT_ONCE = 64
"""Requests that the limiter sends to Redis as one, in their order."""

MAX_DESCRIBED = 3
"""Mismatches that are described."""


@dataclass
class Comparison:
    """What came of one algorithm on one store. `early`: requests a microsecond before their refusal ended."""

    kind: str
    store: str
    events: int = 0
    mismatches: int = 0
    allowed: int = 0
    early: int = 0
    early_allowed: int = 0
    described: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where, in words."""
        return "in memory" if self.store == "memory" else f"on {self.store}"

    def add(self, now_us: int, event: Event, decision: Decision) -> None:
        """One answer."""
        self.events += 1
        self.allowed += decision.allowed
        self.early += event.early
        self.early_allowed += event.early and decision.allowed
        given = (
            decision.allowed,
            decision.remaining,
            decision.wait_s,
            decision.retry_after_s,
            decision.reset_after_s,
        )
        if given != event.answer:
            self.mismatches += 1
            if len(self.described) < MAX_DESCRIBED:
                self.described.append(
                    f"{self.store}, {event.key} at {now_us} us, {event.limit}, cost {event.cost}: "
                    f"{given}, not {tuple(event.answer)}"
                )


class Answerer(Protocol):
    """What is tried: it answers what comes at one moment of a world."""

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]: ...  # noqa: D102


def measure(events: int, redis_events: int, seed: int, say: Say) -> list[Comparison]:
    """All five on both stores, a process a core. Raises DependencyError without libfaketime."""
    build_environment()
    # The longest first, so that no core is left with one at the end.
    asked = [("Redis", kind, redis_events) for kind in ORACLES] + [
        ("memory", kind, events) for kind in ORACLES
    ]
    found: dict[tuple[str, str], Comparison] = {}
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn"), initializer=_end_with_parent) as pool:
        running = [pool.submit(compare, store, kind, many, seed) for store, kind, many in asked]
        for done in as_completed(running):
            one = done.result()
            found[one.store, one.kind] = one
            say(f"exactness: {one.kind} {one.place}: {one.mismatches} of {one.events} answers differ")
            for line in one.described:
                say(line)
    return [found[store, kind] for store, kind, _ in reversed(asked)]


def _end_with_parent() -> None:
    """A worker whose bench was killed ends too, and its server with it."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        for child in psutil.Process().children():
            child.terminate()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def build_figures(found: Sequence[Comparison]) -> list[Figure]:
    """Mismatches by algorithm and store; what all of them say of waits that are a microsecond too short."""
    told = [
        Figure(f"{one.kind} {one.place}, {one.events} events: mismatches", one.mismatches, "events", limit=0)
        for one in found
    ]
    events = sum(one.events for one in found)
    return [
        *told,
        Figure("share of events that are allowed", sum(one.allowed for one in found) / events, ""),
        Figure("asked 1 us before retry_after_s", sum(one.early for one in found), "events"),
        Figure("allowed 1 us before retry_after_s", sum(o.early_allowed for o in found), "events", limit=0),
    ]


def compare(store: str, kind: str, events: int, seed: int) -> Comparison:
    """One algorithm on one store."""
    found = Comparison(kind, store)
    back: Back = "while kept" if store == "Redis" else "always"
    with _on_redis() if store == "Redis" else contextlib.nullcontext(InMemory()) as answer:
        for world, now_us, asked in generate_histories(kind, seed, events, MAX_AT_ONCE, back):
            for event, decision in zip(asked, answer(world, now_us, asked), strict=True):
                found.add(now_us, event, decision)
    return found


class InMemory:
    """A store for each world."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._now_us = 0

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]:
        """Answer one by one."""
        if world is not self._world:
            self._world = world
            self._limiter = RateLimiter(MemoryStore(clock=lambda: Fraction(self._now_us, MICROSECONDS)))
        self._now_us = now_us
        return [self._limiter.acquire_sync(key, limit, cost) for key, limit, cost, *_ in events]


class OnRedis:
    """A server whose clock is held: what comes alone is asked in the form that blocks, the rest goes there together."""

    def __init__(self, server: RedisServer, clock: HeldClock) -> None:
        self._clock, self._client = clock, server.client
        self._limiter = RateLimiter(RedisStore(server.url, cache_refusals=False, timeout_s=TIMEOUT_S))
        self._loop = asyncio.new_event_loop()
        self._world: World | None = None

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]:
        """Set the clock, and ask."""
        self._clock.set(now_us)
        if world is not self._world:
            self._world = world
            self._client.flushall()
        if len(events) == 1:
            key, limit, cost, *_ = events[0]
            return [self._limiter.acquire_sync(key, limit, cost)]
        return self._loop.run_until_complete(self._acquire_all(events))

    async def _acquire_all(self, events: Sequence[Event]) -> list[Decision]:
        return await asyncio.gather(
            *[self._limiter.acquire(key, limit, cost) for key, limit, cost, *_ in events]
        )

    def close(self) -> None:
        """Close its connections and its loop."""
        self._loop.run_until_complete(self._limiter.aclose())
        self._loop.close()


@contextlib.contextmanager
def _on_redis() -> Iterator[Answerer]:
    with held_server() as (server, clock):
        tried = OnRedis(server, clock)
        try:
            yield tried
        finally:
            tried.close()
