"""Part `obedience`: clients that are refused, wait for retry_after_s and retry without competition: refused again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.ratelimit.held_clock import held_server
from benchmarks.ratelimit.histories import Event, World
from benchmarks.ratelimit.oracle import MICROSECONDS, NEVER, ORACLES
from benchmarks.ratelimit.peers import TIMEOUT_S
from benchmarks.report import Figure, Say
from streaming.ratelimit import Decision, MemoryStore, RateLimiter, RedisStore

STEPS = 200
"""Maximum steps of a history without a refusal before another one is drawn."""

REFUSALS = 5
"""The refusal after which the client waits is drawn from this number of first refusals of a history."""

Clock = Callable[[int], None]
"""Sets the clock, in microseconds."""


@dataclass(frozen=True)
class Trials:
    """Result on one store; `again`: clients refused again after they waited."""

    store: str
    trials: int
    again: int


def measure(trials: int, redis_trials: int, seed: int, say: Say) -> list[Trials]:
    """Measure in memory, with a float clock as time.time, and on Redis, with a held clock.

    Raises DependencyError without libfaketime.
    """
    found = [run_in_memory(trials, seed), run_on_redis(redis_trials, seed)]
    for one in found:
        say(f"Retry-After obeyed: {one.store}: {one.again} of {one.trials} refused again")
    return found


def build_figures(found: list[Trials]) -> list[Figure]:
    """Clients refused again, limited to 0."""
    return [
        Figure(
            f"refused again after retry_after_s, of {one.trials}, {one.store}", one.again, "clients", limit=0
        )
        for one in found
    ]


def run_in_memory(trials: int, seed: int) -> Trials:
    """Run the trials in memory, with a new store for each."""
    now_s = 0.0

    def set_clock(now_us: int) -> None:
        nonlocal now_s
        now_s = now_us / MICROSECONDS

    def limiter() -> RateLimiter:
        return RateLimiter(MemoryStore(clock=lambda: now_s))

    return Trials("memory", trials, _count_refused_again(trials, seed, limiter, set_clock))


def run_on_redis(trials: int, seed: int) -> Trials:
    """Run the trials on one Redis server, with new keys for each."""
    with held_server() as (server, clock):
        limiter = RateLimiter(RedisStore(server.url, cache_refusals=False, timeout_s=TIMEOUT_S))
        try:
            return Trials("Redis", trials, _count_refused_again(trials, seed, lambda: limiter, clock.set))
        finally:
            limiter.close()


def _count_refused_again(trials: int, seed: int, limiter: Callable[[], RateLimiter], set_clock: Clock) -> int:
    """Number of clients refused again."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    done = again = number = 0
    while done < trials:
        world = World(chance.choice(list(ORACLES)), chance, number, back="never")
        number, tested = number + 1, limiter()
        refused = _run_until_refused(world, tested, set_clock, chance.randrange(REFUSALS))
        if refused is None:
            continue
        event, decision = refused
        set_clock(world.now_us + round(decision.retry_after_s * MICROSECONDS))
        again += not tested.acquire_sync(event.key, event.limit, event.cost).allowed
        done += 1
    return again


def _run_until_refused(
    world: World, limiter: RateLimiter, set_clock: Clock, skipped: int
) -> tuple[Event, Decision] | None:
    """Run a history until a refusal that waiting can end, after `skipped` others; None if it has too few."""
    for _ in range(STEPS):
        for event in world.step(1):
            set_clock(world.now_us)
            decision = limiter.acquire_sync(event.key, event.limit, event.cost)
            if not decision.allowed and decision.retry_after_s != NEVER:
                if not skipped:
                    return event, decision
                skipped -= 1
    return None
