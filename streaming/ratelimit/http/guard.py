"""Guard of one request or WebSocket: its limits, and those that its handler checks."""

from __future__ import annotations

import asyncio

from streaming.ratelimit.http.asgi import Scope
from streaming.ratelimit.http.enforcement import Enforcement, Question
from streaming.ratelimit.http.outcome import Outcome
from streaming.ratelimit.http.policy import Policies
from streaming.ratelimit.http.refused import Refused
from streaming.ratelimit.http.subject import Subject

HOOK = "streaming.ratelimit.guard"
"""Where the scope has the guard of its request."""


class Guard:
    """The limits of one request or WebSocket. `outcomes`: what was decided so far, in order."""

    def __init__(self, policies: Policies, enforcement: Enforcement, subject: Subject, scope: Scope) -> None:
        self._policies, self._enforcement, self._subject = policies, enforcement, subject
        # A WebSocket's handshake is a GET.
        self._method, self._path = scope.get("method", "GET"), scope["path"]
        self.outcomes: list[Outcome] = []

    @staticmethod
    def of(scope: Scope) -> Guard:
        """The guard of a request. Raises LookupError where no RateLimitMiddleware stands before the handler."""
        guard = scope.get(HOOK)
        if not isinstance(guard, Guard):
            raise LookupError("no guard: put RateLimitMiddleware in front of this application")
        return guard

    async def check(self, name: str, *given: str, cost: float | None = None) -> None:
        """Consume `cost` units (the policy's own unless said) of a policy, for what a handler has found out.

        `given`: texts that tell the subject besides what the policy's `by` names. Sleeps where a leaking bucket says
        so. A name that no policy has (any more) limits nothing. Raises Refused, to be answered or let through;
        ValueError for a policy that counts bytes, without `cost`.
        """
        policy = self._policies.named(name)
        if policy is None:
            return
        if cost is None and policy.cost == "bytes":
            raise ValueError(f"policy {name!r} counts bytes: say how many with cost=")
        units = cost if cost is not None else policy.units(0)
        key = self._subject.key(policy, policy.route(self._method, self._path), given)
        if key is not None:
            wait_s = await self._pass([Question(policy, key, units)], self.outcomes)
            if wait_s:
                await asyncio.sleep(wait_s)

    async def request(self) -> float:
        """Ask the policies of the request: the seconds that it has to queue. Raises Refused."""
        return await self._pass(self._questions(frames=False), self.outcomes)

    async def frame(self, size_bytes: int) -> float:
        """Ask the policies of a WebSocket's frames: the seconds that this one has to queue. Raises Refused."""
        return await self._pass(self._questions(frames=True, size_bytes=size_bytes), [])

    def _questions(self, *, frames: bool, size_bytes: int = 0) -> list[Question]:
        found = []
        for policy in self._policies:
            if policy.frames != frames or (route := policy.route(self._method, self._path)) is None:
                continue
            if (key := self._subject.key(policy, route)) is not None:
                found.append(Question(policy, key, policy.units(size_bytes)))
        return found

    async def _pass(self, questions: list[Question], noted: list[Outcome]) -> float:
        if not questions:
            return 0.0
        outcomes = await self._enforcement.decide(questions)
        noted += outcomes
        if refusing := [outcome for outcome in outcomes if not outcome.decision.allowed]:
            raise Refused.from_outcomes(refusing)
        wait_s = max((outcome.decision.wait_s for outcome in outcomes), default=0.0)
        if wait_s and self._enforcement.observer is not None:
            self._enforcement.observer.queued(wait_s)
        return wait_s
