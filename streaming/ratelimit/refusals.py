"""Refusals that are still true: a refused key stays refused until its wait is over, for all callers.

The wait is counted from before the question was sent, so that a refusal never outlives its true end; callers are told
to wait from when the answer came, so that a caller that waits that long is not refused again.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.limits import Limit, Request

MOST = 100_000
"""So many keys are remembered; the oldest go first."""


class Refusal(NamedTuple):
    """What was refused, until when, and what later callers are told."""

    limit: Limit
    cost_micros: int
    until_s: float
    told_until_s: float
    reset_s: float
    remaining: int


class GroupRefusal(NamedTuple):
    """A refusal of several requests together: what each was told, until when it holds, and when that was."""

    decisions: list[Decision]
    until_s: float
    told_s: float


class Refusals:
    """Those of one store. Safe for threads: each step is one operation on a dictionary."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, Refusal]] = {}
        self._by_group: dict[tuple[Request, ...], GroupRefusal] = {}

    def find(self, request: Request) -> Decision | None:
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
        _make_room(self._by_key)
        self._by_key.setdefault(request.key, {})[request.limit.kind] = Refusal(
            request.limit,
            request.cost_micros,
            asked_s + decision.retry_after_s,
            now_s + decision.retry_after_s,
            now_s + decision.reset_after_s,
            decision.remaining,
        )

    def find_group(self, group: tuple[Request, ...]) -> list[Decision] | None:
        """What the same requests were told, while one of them is still refused; the others may have less by now."""
        refusal = self._by_group.get(group)
        if refusal is None:
            return None
        now_s = time.monotonic()
        if now_s >= refusal.until_s:
            self._by_group.pop(group, None)
            return None
        passed_s = now_s - refusal.told_s
        return [
            one._replace(
                retry_after_s=max(0.0, one.retry_after_s - passed_s),
                reset_after_s=max(0.0, one.reset_after_s - passed_s),
            )
            for one in refusal.decisions
        ]

    def note_group(self, group: tuple[Request, ...], decisions: list[Decision], asked_s: float) -> None:
        """Remember a refusal of several requests that waiting can end."""
        wait_s = max(one.retry_after_s for one in decisions)
        if math.isinf(wait_s):
            return
        _make_room(self._by_group)
        self._by_group[group] = GroupRefusal(decisions, asked_s + wait_s, time.monotonic())

    def forget(self, key: str) -> None:
        """Ask again for this key."""
        self._by_key.pop(key, None)
        for group in list(self._by_group):
            if any(request.key == key for request in group):
                self._by_group.pop(group, None)


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= MOST:
        for key in list(kept)[: MOST // 10]:
            kept.pop(key, None)
