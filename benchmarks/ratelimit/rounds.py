"""Comparison of rates in rounds: contestants take turns, so that other load on the machine affects all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SETTLE_S = 0.02
"""Pause after each turn, so that a contestant's background work is not charged to the next one."""


@dataclass(frozen=True)
class Rates:
    """Rate per second of each contestant in each round."""

    by_name: Mapping[str, Sequence[float]]

    def rate(self, name: str) -> float:
        """Median over the rounds."""
        return statistics.median(self.by_name[name])

    def ratio(self, name: str, to: str) -> float:
        """Median of the ratios within the rounds."""
        pairs = zip(self.by_name[name], self.by_name[to], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def best(self, but: str) -> str:
        """The fastest of the others."""
        return min((name for name in self.by_name if name != but), key=lambda name: self.ratio(but, name))


def run_rounds(
    contestants: Mapping[str, Callable[[int], int]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Rates:
    """Run the contestants, which take the round's number and return how many they did; round 0 is a warm-up.

    CPU-bound work is best timed with `time.process_time` (all threads of this process), which excludes other processes.
    The first contestant rotates. Garbage is collected between the turns instead of within them, as in timeit.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    gc.collect()
    gc.freeze()  # existing objects need not be scanned after each turn
    try:
        for number in range(rounds + 1):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                rate = _time_turn(contestants[name], number, clock)
                if number:
                    found[name].append(rate)
    finally:
        gc.unfreeze()
    return Rates(found)


def _time_turn(contestant: Callable[[int], int], number: int, clock: Callable[[], float]) -> float:
    gc.collect()
    gc.disable()
    try:
        begun = clock()
        done = contestant(number)
        took_s = clock() - begun
    finally:
        gc.enable()
    time.sleep(SETTLE_S)
    return done / took_s
