"""Rates that are compared: contestants take turns, round by round: what the machine does meanwhile meets all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SETTLE_S = 0.02
"""After each turn, so that what a contestant does in the background is not counted as the next one's."""


@dataclass(frozen=True)
class Rates:
    """Of each contestant, how many a second in each round."""

    by_name: Mapping[str, Sequence[float]]

    def rate(self, name: str) -> float:
        """The median of the rounds."""
        return statistics.median(self.by_name[name])

    def ratio(self, name: str, to: str) -> float:
        """The median of the rounds' own ratios."""
        pairs = zip(self.by_name[name], self.by_name[to], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def best(self, but: str) -> str:
        """The quickest of the others."""
        return min((name for name in self.by_name if name != but), key=lambda name: self.ratio(but, name))


def run_rounds(
    contestants: Mapping[str, Callable[[int], int]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Rates:
    """Each is given the round's number and returns how many it did; the first round, number 0, is not counted.

    What only computes is best timed by `time.process_time`, all threads of this process: other processes are left out.
    Who begins changes from round to round. Garbage is collected between the turns, and not in them, as timeit does.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    gc.collect()
    gc.freeze()  # what is there already need not be looked through after each turn
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
