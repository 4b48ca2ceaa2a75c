"""A client that is refused, waits as long as it is told, alone, and asks again: how often it is refused once more."""

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
"""After which a history that has come to no refusal is given up for another."""

REFUSALS = 5
"""One of so many of a history is the one that is obeyed."""

Clock = Callable[[int], None]
"""Sets the clock, in microseconds."""


@dataclass(frozen=True)
class Trials:
    """`again`: refused once more, after the wait that it was told."""

    store: str
    trials: int
    again: int


def measure(trials: int, redis_trials: int, seed: int, say: Say) -> list[Trials]:
    """In memory, by a clock of floats as time.time is; on Redis, by a held one. Raises DependencyError without it."""
    found = [run_in_memory(trials, seed), run_on_redis(redis_trials, seed)]
    for one in found:
        say(f"Retry-After obeyed: {one.store}: {one.again} of {one.trials} refused again")
    return found


def build_figures(found: list[Trials]) -> list[Figure]:
    """None may be refused again."""
    return [
        Figure(
            f"refused again after retry_after_s, of {one.trials}, {one.store}", one.again, "clients", limit=0
        )
        for one in found
    ]


def run_in_memory(trials: int, seed: int) -> Trials:
    """A store for each trial."""
    now_s = 0.0

    def set_clock(now_us: int) -> None:
        nonlocal now_s
        now_s = now_us / MICROSECONDS

    def limiter() -> RateLimiter:
        return RateLimiter(MemoryStore(clock=lambda: now_s))

    return Trials("memory", trials, _count_refused_again(trials, seed, limiter, set_clock))


def run_on_redis(trials: int, seed: int) -> Trials:
    """One server, other keys for each trial."""
    with held_server() as (server, clock):
        limiter = RateLimiter(RedisStore(server.url, cache_refusals=False, timeout_s=TIMEOUT_S))
        try:
            return Trials("Redis", trials, _count_refused_again(trials, seed, lambda: limiter, clock.set))
        finally:
            limiter.close()


def _count_refused_again(trials: int, seed: int, limiter: Callable[[], RateLimiter], set_clock: Clock) -> int:
    """How many of so many clients were refused again."""
    chance = random.Random(seed)  # noqa: S311 - it hides nothing, it must repeat
    done = again = number = 0
    while done < trials:
        world, number, asked = (
            World(chance.choice(list(ORACLES)), chance, number, back="never"),
            number + 1,
            limiter(),
        )
        refused = _run_until_refused(world, asked, set_clock, chance.randrange(REFUSALS))
        if refused is None:
            continue
        event, decision = refused
        set_clock(world.now_us + round(decision.retry_after_s * MICROSECONDS))
        again += not asked.acquire_sync(event.key, event.limit, event.cost).allowed
        done += 1
    return again


def _run_until_refused(
    world: World, limiter: RateLimiter, set_clock: Clock, skipped: int
) -> tuple[Event, Decision] | None:
    """Let a history run until a refusal that waiting can end, the first few of them skipped; None if it has too few."""
    for _ in range(STEPS):
        for event in world.step(1):
            set_clock(world.now_us)
            decision = limiter.acquire_sync(event.key, event.limit, event.cost)
            if not decision.allowed and decision.retry_after_s != NEVER:
                if not skipped:
                    return event, decision
                skipped -= 1
    return None
