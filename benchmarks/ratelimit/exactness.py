"""Part `exactness`: all decisions of the five limiters against the oracle, field by field, on random histories."""

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
"""Concurrent requests that the limiter sends to Redis in one call, preserving order."""

MAX_DESCRIBED = 3
"""Mismatches described per comparison."""


@dataclass
class Comparison:
    """Result of one algorithm on one store. `early`: requests one microsecond before their retry_after_s has passed."""

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
        """The store in words."""
        return "in memory" if self.store == "memory" else f"on {self.store}"

    def add(self, now_us: int, event: Event, decision: Decision) -> None:
        """Compare one decision with the oracle's."""
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
    """The limiter under test: decides the requests of one instant of a world."""

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]: ...  # noqa: D102


def measure(events: int, redis_events: int, seed: int, say: Say) -> list[Comparison]:
    """Compare all five on both stores, one process per core. Raises DependencyError without libfaketime."""
    build_environment()
    # Longest first, so that no core runs a long one alone at the end.
    jobs = [("Redis", kind, redis_events) for kind in ORACLES] + [
        ("memory", kind, events) for kind in ORACLES
    ]
    found: dict[tuple[str, str], Comparison] = {}
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn"), initializer=_end_with_parent) as pool:
        running = [pool.submit(compare, store, kind, many, seed) for store, kind, many in jobs]
        for done in as_completed(running):
            one = done.result()
            found[one.store, one.kind] = one
            say(f"exactness: {one.kind} {one.place}: {one.mismatches} of {one.events} decisions differ")
            for line in one.described:
                say(line)
    return [found[store, kind] for store, kind, _ in reversed(jobs)]


def _end_with_parent() -> None:
    """Make a worker and its server exit when the bench is killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        for child in psutil.Process().children():
            child.terminate()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def build_figures(found: Sequence[Comparison]) -> list[Figure]:
    """Mismatches by algorithm and store; results of requests one microsecond before their retry_after_s has passed."""
    figures = [
        Figure(f"{one.kind} {one.place}, {one.events} events: mismatches", one.mismatches, "events", limit=0)
        for one in found
    ]
    events = sum(one.events for one in found)
    return [
        *figures,
        Figure("share of events that are allowed", sum(one.allowed for one in found) / events, ""),
        Figure("asked 1 us before retry_after_s", sum(one.early for one in found), "events"),
        Figure("allowed 1 us before retry_after_s", sum(o.early_allowed for o in found), "events", limit=0),
    ]


def compare(store: str, kind: str, events: int, seed: int) -> Comparison:
    """Compare one algorithm on one store with the oracle."""
    comparison = Comparison(kind, store)
    back: Back = "while kept" if store == "Redis" else "always"
    with _on_redis() if store == "Redis" else contextlib.nullcontext(InMemory()) as answer:
        for world, now_us, requests in generate_histories(kind, seed, events, MAX_AT_ONCE, back):
            for event, decision in zip(requests, answer(world, now_us, requests), strict=True):
                comparison.add(now_us, event, decision)
    return comparison


class InMemory:
    """Limiter in memory, with a new store for each world."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._now_us = 0

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]:
        """Decide one by one."""
        if world is not self._world:
            self._world = world
            self._limiter = RateLimiter(MemoryStore(clock=lambda: Fraction(self._now_us, MICROSECONDS)))
        self._now_us = now_us
        return [self._limiter.acquire_sync(key, limit, cost) for key, limit, cost, *_ in events]


class OnRedis:
    """Limiter on a Redis with a controlled clock: single requests use the blocking form, others run concurrently."""

    def __init__(self, server: RedisServer, clock: HeldClock) -> None:
        self._clock, self._client = clock, server.client
        self._limiter = RateLimiter(RedisStore(server.url, cache_refusals=False, timeout_s=TIMEOUT_S))
        self._loop = asyncio.new_event_loop()
        self._world: World | None = None

    def __call__(self, world: World, now_us: int, events: Sequence[Event]) -> list[Decision]:
        """Set the clock and decide."""
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
        """Close the connections and the event loop."""
        self._loop.run_until_complete(self._limiter.aclose())
        self._loop.close()


@contextlib.contextmanager
def _on_redis() -> Iterator[Answerer]:
    with held_server() as (server, clock):
        limiter = OnRedis(server, clock)
        try:
            yield limiter
        finally:
            limiter.close()
