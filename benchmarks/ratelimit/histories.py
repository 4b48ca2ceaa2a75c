"""Random histories of requests with the oracle's decisions, drawn to hit edge cases.

A world is a few keys under limits of one algorithm. Its clock stands still, advances slowly, jumps to the microsecond
at which a refusal ends, a key is fully reset or a window begins, to the one before and the one after, and goes back.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from benchmarks.ratelimit.oracle import MICROSECONDS, NEVER, ORACLES, Answer, Oracle, Terms
from streaming.ratelimit import (
    FixedWindow,
    LeakingBucket,
    Limit,
    SlidingWindowCounter,
    SlidingWindowLog,
    TokenBucket,
)

BUCKETS: dict[str, Any] = {"token_bucket": TokenBucket, "leaking_bucket": LeakingBucket}
WINDOWS: dict[str, Any] = {
    "fixed_window": FixedWindow,
    "sliding_window_log": SlidingWindowLog,
    "sliding_window_counter": SlidingWindowCounter,
}


class Number(NamedTuple):
    """A number as a caller writes it, and its exact value."""

    written: float
    exact: Fraction


def _parse_numbers(*written: float) -> list[Number]:
    """Numbers from short decimals."""
    return [Number(one, Fraction(str(one))) for one in written]


SIZES = _parse_numbers(1, 2, 3, 5, 7, 10, 60, 0.5, 2.5, 12.75)
LARGE_SIZES = _parse_numbers(1000, 100_000, 10**9)
REPEATING_SIZES = [
    Number(1 / 3, Fraction(1, 3)),
    Number(10 / 3, Fraction(10, 3)),
    Number(2 / 7, Fraction(2, 7)),
]
"""Not used for the sliding window counter, which rounds a limit down to a millionth of a unit."""

RATES = [
    _parse_numbers(1, 3, 7, 10, 60, 1000, 10**6),
    _parse_numbers(0.5, 2.5, 7.5),
    _parse_numbers(0.1, 0.3, 12.7),
    [Number(1 / 3, Fraction(1, 3)), Number(100 / 60, Fraction(5, 3)), Number(1000 / 60, Fraction(50, 3))],
    [Number(2 / 7, Fraction(2, 7)), Number(9 / 7, Fraction(9, 7))],
]
"""Rates of one row have the same denominator. A bucket rounds its level up, by less than a millionth of a unit over the
denominator, when the rate changes to one with another denominator; everything else is exact, so a key uses one row."""
LENGTHS = [*_parse_numbers(0.001, 0.1, 1, 2.5, 60, 3600, 86_400), Number(1 / 3, Fraction(1, 3))]
COSTS = _parse_numbers(1, 1, 1, 1, 2, 3, 0.1, 0.25, 0.5, 1.5, 0.000001)
"""Costs have a resolution of a millionth of a unit."""

EARLIEST_US = 1_500_000_000 * MICROSECONDS
LATEST_US = 3_000_000_000 * MICROSECONDS
"""Range of a world's start. Up to 2^32 s a float of seconds, such as time.time returns, still resolves microseconds."""

LONGEST_LOG = 1000
"""Maximum limit of a log in units: the wait after a refusal is found by a linear scan of its entries."""

LONGEST_S = 10**6
"""Maximum time in which a bucket drains."""

Back = Literal["never", "while kept", "always"]
"""When the clock may go back. Redis expires a key that is fully reset, and with it the highest clock that it had seen:
on Redis the clock goes back only while all used keys still have state."""


class Event(NamedTuple):
    """A request and the expected decision. `early`: repeats a refused request one microsecond before it is allowed."""

    key: str
    limit: Limit
    cost: float
    answer: Answer
    early: bool


@dataclass
class Key:
    """A key of a world, the limits that alternate on it, and its last refusal that waiting can end."""

    name: str
    limits: list[tuple[Limit, Terms]]
    oracle: Oracle
    current: int = 0
    last: Answer | None = None
    refused: Number | None = None

    @property
    def retry_us(self) -> int:
        """Time at which the refused request is allowed."""
        return self.oracle.now_us + round(self.last.retry_after_s * MICROSECONDS) if self.last else 0


class World:
    """A few keys and a clock."""

    def __init__(self, kind: str, chance: random.Random, number: int, back: Back) -> None:
        self._chance, self._back = chance, back
        self.now_us = self._highest_us = chance.randrange(EARLIEST_US, LATEST_US)
        self.keys = [
            Key(f"{number}:{one}", list(_draw_limits(kind, chance)), ORACLES[kind]())
            for one in range(chance.choice((1, 1, 2, 5)))
        ]

    def step(self, most: int) -> list[Event]:
        """Move the clock, then generate up to `most` simultaneous requests."""
        key, cost, early = self._move()
        self._highest_us = max(self._highest_us, self.now_us)
        events = [self._ask(key, cost, early)]
        if self._chance.random() < 0.5:
            for _ in range(min(most - 1, self._chance.choice((1, 2, 3, 5, 10, 30)))):
                key = self._chance.choice(self.keys)
                if self._chance.random() < 0.02:
                    key.current = self._chance.randrange(len(key.limits))
                events.append(self._ask(key, self._draw_cost(key), early=False))
        return events

    def _ask(self, key: Key, cost: Number, early: bool) -> Event:
        limit, terms = key.limits[key.current]
        key.last = key.oracle.ask(self.now_us, terms, cost.exact)
        waits = not key.last.allowed and key.last.retry_after_s != NEVER
        key.refused = cost if waits else None
        return Event(key.name, limit, cost.written, key.last, early)

    def _move(self) -> tuple[Key, Number, bool]:
        """Move the clock; returns the key and cost of the first request, and whether it repeats a refused one early."""
        key, way = self._chance.choice(self.keys), self._chance.random()
        cost = self._draw_cost(key)
        if way < 0.25:
            return key, cost, False
        if way < 0.5:
            self.now_us += self._chance.choice((1, 1, self._draw_gap(key)))
        elif way < 0.75:
            shift = self._chance.choice((-1, -1, 0, 0, 1))
            if key.refused and key.retry_us + shift >= self.now_us:
                self.now_us = key.retry_us + shift
                return key, key.refused, shift < 0
            self.now_us = max(self.now_us, key.oracle.reset_us + self._chance.choice((-1, 0, 1)))
        elif way < 0.85:
            self.now_us = self._find_edge(key) + self._chance.choice((-1, 0, 0))
        elif way < 0.9:
            self.now_us = max(self._highest_us, self.now_us)
        elif way < 0.93:
            if self._can_go_back():
                self.now_us -= self._chance.choice((1, self._draw_gap(key), 10 * self._draw_gap(key)))
        else:
            self.now_us += round(
                self._chance.uniform(0, 2.5) * max(1, key.oracle.reset_us - key.oracle.now_us)
            )
        return key, cost, False

    def _draw_cost(self, key: Key) -> Number:
        if self._chance.random() < 0.02:  # the whole limit, or more than it can ever allow
            size = key.limits[key.current][1].size
            whole = Fraction(math.floor(size * MICROSECONDS) + self._chance.choice((0, 0, 1)), MICROSECONDS)
            return Number(float(whole), whole)
        return self._chance.choice(COSTS)

    def _draw_gap(self, key: Key) -> int:
        """A random time around that in which one unit is replenished, in microseconds."""
        _, terms = key.limits[key.current]
        unit_us = 1 / terms.rate if terms.rate else terms.window_us / terms.size
        return max(1, round(self._chance.expovariate(1) * float(unit_us)))

    def _find_edge(self, key: Key) -> int:
        """First microsecond of the next window; for a bucket, of the next whole unit."""
        _, terms = key.limits[key.current]
        length_us = terms.window_us or 1 / terms.rate
        return math.ceil((math.floor(self.now_us / length_us) + 1) * length_us)

    def _can_go_back(self) -> bool:
        if self._back != "while kept":
            return self._back == "always"
        return all(key.oracle.reset_us > self._highest_us for key in self.keys if key.last)


def generate_histories(
    kind: str, seed: int, events: int, at_once: int, back: Back
) -> Iterator[tuple[World, int, list[Event]]]:
    """Generate `events` requests in worlds of a thousand: world, clock, at most `at_once` simultaneous requests."""
    chance = random.Random(f"{kind} {seed}")  # noqa: S311 - reproducible, not secret
    done, number = 0, 0
    while done < events:
        world, number = World(kind, chance, number, back), number + 1
        until = min(events, done + 1000)
        while done < until:
            step = world.step(min(at_once, until - done))
            done += len(step)
            yield world, world.now_us, step


def _draw_limits(kind: str, chance: random.Random) -> Iterator[tuple[Limit, Terms]]:
    """Three limits that alternate on one key; a window keeps its length."""
    length, rates = chance.choice(LENGTHS), chance.choice(RATES)
    repeating = SIZES if kind == "sliding_window_counter" else REPEATING_SIZES
    for _ in range(3):
        size = chance.choice(chance.choices((SIZES, LARGE_SIZES, repeating), (16, 2, 2))[0])
        if kind in WINDOWS:
            if kind == "sliding_window_log" and size.exact > LONGEST_LOG:
                size = Number(LONGEST_LOG, Fraction(LONGEST_LOG))
            made = WINDOWS[kind](size.written, length.written)
            yield made, Terms(size.exact, Fraction(0), length.exact * MICROSECONDS)
        else:
            rate = chance.choice([one for one in rates if size.exact / one.exact <= LONGEST_S] or rates)
            if size.exact / rate.exact > LONGEST_S:
                size = SIZES[0]
            made = BUCKETS[kind](size.written, rate.written)
            yield made, Terms(size.exact, rate.exact / MICROSECONDS, Fraction(0))
