"""Parts of the bench, run in sequence: their figures, and their parameters as conditions."""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.ratelimit import (
    clock_skew,
    exactness,
    footprint,
    memory_speed,
    obedience,
    outage,
    redis_speed,
)
from benchmarks.ratelimit.redis_server import find_program
from benchmarks.report import Figure, Say


@dataclass
class Results:
    """All figures, and the speed in memory with the smallest ratio."""

    figures: list[Figure] = field(default_factory=list)
    least: memory_speed.Measured | None = None


def measure(given: Namespace, say: Say) -> Results:
    """Run the selected parts. Raises DependencyError if a dependency of one is missing."""
    found = Results()
    if "exactness" in given.only:
        compared = exactness.measure(given.events, given.redis_events, given.seed, say)
        found.figures += exactness.build_figures(compared)
    if "apart" in given.only:
        found.figures += clock_skew.build_figures(clock_skew.measure(given.seconds, say))
    if "memory-speed" in given.only:
        speeds = memory_speed.measure(given.requests, given.rounds, given.seed, say)
        found.figures += memory_speed.build_figures(speeds)
        found.least = min(speeds, key=lambda one: one.ratio)
    if "redis-speed" in given.only:
        requests = max(1, given.requests // 10)
        found.figures += redis_speed.build_figures(
            redis_speed.measure(requests, given.rounds, given.seed, say)
        )
    if "footprint" in given.only:
        found.figures += footprint.build_figures(footprint.measure(given.entries, given.seed, say))
    if "outage" in given.only:
        found.figures += outage.build_figures(outage.measure(given.rounds, say))
    if "obedience" in given.only:
        trials = obedience.measure(given.trials, given.redis_trials, given.seed, say)
        found.figures += obedience.build_figures(trials)
    return found


def describe_parts(given: Namespace) -> Iterator[tuple[str, str]]:
    """Conditions of each selected part, by its name."""
    conditions = {
        "exactness": "random limits, costs, gaps and edges, 1 to 5 keys, limits that change, a clock that goes back",
        "apart": (
            f"{clock_skew.PROCESSES} processes; {clock_skew.UNITS} units in 40 to {clock_skew.APART_S - 1} s; "
            f"{given.seconds} s"
        ),
        "memory-speed": (
            f"one thread, its CPU time; medians of {given.rounds} rounds of {given.requests} requests, in turns: on "
            f"{max(1, given.requests // 2)} keys; {memory_speed.FEW} on a key, then the next; on exhausted keys"
        ),
        "redis-speed": (
            f"medians of {given.rounds} rounds, in turns, of {given.requests // 10} requests one by one and of "
            f"{given.requests} by {redis_speed.IN_FLIGHT} callers; {len(redis_speed.KEYS)} keys, all allowed"
        ),
        "footprint": f"MEMORY USAGE, samples 0; key {footprint.KEY!r}; log entries 0.5 to 1.5 ms apart",
        "outage": f"SIGSTOP to the server, {given.rounds} times, while connections are open",
        "obedience": "a random history up to one of its refusals, then the wait, to the microsecond",
    }
    return ((part, conditions[part]) for part in given.only)


def read_server_version() -> str:
    """Version of redis-server."""
    done = subprocess.run([str(find_program()), "--version"], check=True, capture_output=True, text=True)
    return done.stdout.split("v=", 1)[1].split()[0]
