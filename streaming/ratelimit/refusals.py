"""Refusals that are still true: a refused key stays refused until its wait is over, whoever else asks.

The wait is counted from before the question was sent, so that a refusal never outlives its true end; callers are told
to wait from when the answer came, so that whoever waits that long is not refused again.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.limits import Limit, Request

MOST = 100_000
"""So many keys are remembered; the oldest go first."""


class Refusal(NamedTuple):
    """What was refused, until when, and what whoever asks again is told."""

    limit: Limit
    cost_micros: int
    until_s: float
    told_until_s: float
    reset_s: float
    remaining: int


class Refusals:
    """Those of one store. Safe for threads: each step is one operation on a dictionary."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, Refusal]] = {}

    def known(self, request: Request) -> Decision | None:
        """A refusal that still holds for this request, or None."""
        of_key = self._by_key.get(request[0])
        if of_key is None:
            return None
        limit = request[1]
        refusal = of_key.get(limit.kind)
        if refusal is None or request[2] < refusal.cost_micros:
            return None
        now_s = time.monotonic()
        if now_s >= refusal.until_s:
            self._by_key.pop(request[0], None)
            return None
        if refusal.limit is not limit and refusal.limit != limit:
            return None
        return Decision(False, refusal.remaining, 0.0, refusal.told_until_s - now_s, refusal.reset_s - now_s)

    def note(self, request: Request, decision: Decision, asked_s: float) -> None:
        """Remember a refusal that waiting can end."""
        if math.isinf(decision.retry_after_s):
            return
        now_s = time.monotonic()
        if len(self._by_key) >= MOST:
            for key in list(self._by_key)[: MOST // 10]:
                self._by_key.pop(key, None)
        self._by_key.setdefault(request.key, {})[request.limit.kind] = Refusal(
            request.limit,
            request.cost_micros,
            asked_s + decision.retry_after_s,
            now_s + decision.retry_after_s,
            now_s + decision.reset_after_s,
            decision.remaining,
        )

    def forget(self, key: str) -> None:
        """Ask again for this key."""
        self._by_key.pop(key, None)
