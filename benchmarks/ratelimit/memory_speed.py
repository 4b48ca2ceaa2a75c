"""Part `memory-speed`: decisions per second in memory, in one thread, ours and the peers' in turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.ratelimit.oracle import ORACLES
from benchmarks.ratelimit.peers import DAY_S, Asker, Quota, build_memory_askers
from benchmarks.ratelimit.rounds import Rates, run_rounds
from benchmarks.report import Figure, Say
from schemas.errors import StageError

LIMIT = 2.0
"""Minimum ratio to the best peer."""

FEW = 1000
"""Number of exhausted keys, and of consecutive requests on one key."""

Keys = Callable[[int], Sequence[str]]
"""Keys of the requests in a round, by its number."""


@dataclass(frozen=True)
class Workload:
    """Requests under a limit of `units` per day. Either all are allowed, or all refused on exhausted keys."""

    name: str
    units: int
    keys: Keys
    allowed: bool


@dataclass(frozen=True)
class Measured:
    """Rates of one algorithm under one workload."""

    kind: str
    workload: str
    rates: Rates

    @property
    def ratio(self) -> float:
        """Ratio of our rate to that of the best peer."""
        return self.rates.ratio("ours", self.peer)

    @property
    def peer(self) -> str:
        """The best peer."""
        return self.rates.best("ours")


def build_workloads(requests: int, seed: int) -> list[Workload]:
    """Workloads with `requests` requests per round."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    many = [f"user:{number}" for number in range(max(1, requests // 2))]
    spread = [chance.choice(many) for _ in range(requests)]
    few = many[:: max(1, len(many) // FEW)]
    refused = [chance.choice(few) for _ in range(requests)]

    def hot(number: int) -> list[str]:
        return [f"user:{number}:{one // FEW}" for one in range(requests)]

    return [
        Workload("many keys", 1000, lambda _: spread, allowed=True),
        Workload("one key after the other", FEW, hot, allowed=True),
        Workload("refused", 1, lambda _: refused, allowed=False),
    ]


def measure(requests: int, rounds: int, seed: int, say: Say) -> list[Measured]:
    """Measure all five under all workloads. Raises StageError if a decision differs from what the workload expects."""
    found = []
    for kind in ORACLES:
        for workload in build_workloads(requests, seed):
            one = Measured(kind, workload.name, _measure_rates(kind, workload, rounds))
            found.append(one)
            rates = ", ".join(f"{name} {one.rates.rate(name):,.0f}/s" for name in one.rates.by_name)
            say(f"memory: {kind}, {workload.name}: {rates}; {one.ratio:.2f} times {one.peer}")
    return found


def build_figures(found: Sequence[Measured]) -> list[Figure]:
    """Minimum ratio of each algorithm, with its limit; then all of its ratios, and its rates on many keys."""
    figures = []
    for kind in ORACLES:
        of_kind = [one for one in found if one.kind == kind]
        least = min(of_kind, key=lambda one: one.ratio)
        figures += [
            Figure(
                f"memory, {kind}: least ratio to the best peer", least.ratio, "x", limit=LIMIT, at_least=True
            ),
            *(
                Figure(f"memory, {kind}, {one.workload}: ratio to {one.peer}", one.ratio, "x")
                for one in of_kind
            ),
            *(
                Figure(f"memory, {kind}, {one.workload}: {name}", one.rates.rate(name), "decisions/s")
                for one in of_kind[:1]
                for name in one.rates.by_name
            ),
        ]
    return figures


def _measure_rates(kind: str, workload: Workload, rounds: int) -> Rates:
    askers = build_memory_askers(Quota(kind, workload.units, DAY_S))
    if not workload.allowed:
        for asker in askers.values():
            asker(sorted(set(workload.keys(0))))
    prepared = [workload.keys(number) for number in range(rounds + 1)]
    turns = {name: partial(_run_turn, name, asker, prepared, workload) for name, asker in askers.items()}
    return run_rounds(turns, rounds, time.process_time)


def _run_turn(
    name: str, asker: Asker, prepared: Sequence[Sequence[str]], workload: Workload, number: int
) -> int:
    keys = prepared[number]
    allowed = asker(keys)
    if allowed != (len(keys) if workload.allowed else 0):
        raise StageError(f"{workload.name}: {name} allowed {allowed} of {len(keys)}")
    return len(keys)
