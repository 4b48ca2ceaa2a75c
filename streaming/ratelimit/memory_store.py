"""All state in this process: exact, quick, and gone with it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from time import time_ns
from typing import Any

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.exact import MICROSECONDS
from streaming.ratelimit.limits import KINDS, Limit, Request

SWEEP_FROM = 4096
"""So many keys are kept before those that carry no more information are looked for; then twice what was left."""


class MemoryStore:
    """Limits within one process, safe for its threads. `clock` gives seconds; time.time unless another is given.

    A clock that goes back stands still for each key until it passes the highest value that key has seen.
    """

    def __init__(self, clock: Callable[[], float | Fraction] | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._sweep_at = SWEEP_FROM
        self._swept_us: int | None = None

    def decide_sync(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        now_us = time_ns() // 1000 if self._clock is None else round(self._clock() * MICROSECONDS)
        states = self._states[limit.kind]
        with self._lock:
            state = states.get(key)
            if state is None:
                if self._swept_us is not None and now_us < self._swept_us:
                    now_us = self._swept_us
                if take and len(states) >= self._sweep_at:
                    self._sweep(now_us)
            decision, after = limit.decide(state, now_us, cost_micros, take)
            if take:
                states[key] = after
        return decision

    async def decide(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        return self.decide_sync(key, limit, cost_micros, take=take)

    def decide_all_sync(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        now_us = time_ns() // 1000 if self._clock is None else round(self._clock() * MICROSECONDS)
        with self._lock:
            if self._swept_us is not None and now_us < self._swept_us:
                now_us = self._swept_us
            decisions, afters = self._decide_each(requests, now_us, take=True)
            if not all(decision.allowed for decision in decisions):
                decisions, afters = self._decide_each(requests, now_us, take=False)
            for (kind, key), after in afters.items():
                self._states[kind][key] = after
        return decisions

    def _decide_each(
        self, requests: Sequence[Request], now_us: int, *, take: bool
    ) -> tuple[list[Decision], dict[tuple[str, str], Any]]:
        """Each request on top of those before it on the same key and kind, and the state after the last of those."""
        decisions, afters, costs = [], dict[tuple[str, str], Any](), dict[tuple[str, str], int]()
        for key, limit, cost_micros in requests:
            place = limit.kind, key
            ahead = costs.get(place, 0)
            costs[place] = ahead + cost_micros
            state = self._states[limit.kind].get(key)
            decision, afters[place] = limit.decide(state, now_us, costs[place], take, ahead)
            decisions.append(decision)
        return decisions, afters

    async def decide_all(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        return self.decide_all_sync(requests)

    def kept_sync(self, most: int) -> list[tuple[str, str]]:
        """Kind and key of what has state, at most so many."""
        with self._lock:
            kept = ((kind, key) for kind, states in self._states.items() for key in states)
            return list(itertools.islice(kept, most))

    async def kept(self, most: int) -> list[tuple[str, str]]:
        """Kind and key of what has state, at most so many."""
        return self.kept_sync(most)

    def reset_sync(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind."""
        with self._lock:
            self._states[limit.kind].pop(key, None)

    async def reset(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind."""
        self.reset_sync(key, limit)

    def close(self) -> None:
        """Nothing is held open."""

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _sweep(self, now_us: int) -> None:
        """Drop keys that carry no more information. What is dropped may not come back with an earlier clock."""
        self._swept_us = now_us
        for kind, states in self._states.items():
            self._states[kind] = {key: state for key, state in states.items() if state[0] > now_us}
        self._sweep_at = max(SWEEP_FROM, 2 * max(map(len, self._states.values())))
