"""Policies decided together: all that apply to a request, or nothing; and those in the shadow after them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.http.outcome import Outcome
from streaming.ratelimit.http.policy import Policy
from streaming.ratelimit.http.refused import Refused
from streaming.ratelimit.limiter import RateLimiter

_log = logging.getLogger(__name__)

Result = Literal["allowed", "refused", "shadow_refused", "unavailable"]


class Observer(Protocol):
    """Who is told of every decision; `metrics.Metrics` is one."""

    def decided(self, policy: str, result: Result) -> None:
        """A policy let a request pass, refused it, would have refused it, or could not be asked."""

    def took(self, seconds: float) -> None:
        """How long the policies of one request took to decide."""

    def queued(self, seconds: float) -> None:
        """How long an accepted request of a leaking bucket has to wait."""


class Question(NamedTuple):
    """What one policy is asked: units of a key of the limiter."""

    policy: Policy
    key: str
    units: float


class Enforcement:
    """What a limiter says of the policies, told to an observer."""

    def __init__(self, limiter: RateLimiter, observer: Observer | None) -> None:
        self._limiter = limiter
        self.observer = observer
        self._away = False

    async def decide(self, questions: Sequence[Question]) -> list[Outcome]:
        """The outcomes of those that are not in the shadow. Raises Refused (503) where the store does not answer.

        If one of them refuses, no unit is consumed of any. A policy in the shadow is asked after the others allowed the
        request, on its own: like this it consumes what it would if it were enforced, and never delays a refusal. That
        it cannot be asked stops nobody.
        """
        began_s = time.monotonic()
        enforced = [question for question in questions if not question.policy.shadow]
        shadows = [question for question in questions if question.policy.shadow]
        try:
            outcomes = await self._decide_enforced(enforced)
            if shadows and all(outcome.decision.allowed for outcome in outcomes):
                await asyncio.gather(*map(self._decide_shadow, shadows))
        except StoreUnavailable as error:
            self._report_outage(enforced, error)
            raise Refused.unavailable() from error
        finally:
            if self.observer is not None:
                self.observer.took(time.monotonic() - began_s)
        return outcomes

    async def _decide_enforced(self, questions: Sequence[Question]) -> list[Outcome]:
        if not questions:
            return []
        if len(questions) == 1:  # what a store may answer from memory
            [(policy, key, units)] = questions
            decisions = [await self._limiter.acquire(key, policy.limit, units)]
        else:
            decisions = await self._limiter.acquire_each(
                [(key, policy.limit, units) for policy, key, units in questions]
            )
        outcomes = [
            Outcome(question.policy, decision)
            for question, decision in zip(questions, decisions, strict=True)
        ]
        refusing = [outcome for outcome in outcomes if not outcome.decision.allowed]
        for policy, decision in refusing or outcomes:
            self._tell(policy, "allowed" if decision.allowed else "refused")
        return outcomes

    async def _decide_shadow(self, question: Question) -> None:
        policy, key, units = question
        try:
            decision = await self._limiter.acquire(key, policy.limit, units)
        except StoreUnavailable as error:
            self._report_outage([question], error)
        else:
            self._tell(policy, "allowed" if decision.allowed else "shadow_refused")

    def _report_outage(self, questions: Sequence[Question], error: StoreUnavailable) -> None:
        for question in questions:
            self._tell(question.policy, "unavailable")
        if not self._away:
            _log.warning("%s", error)
        self._away = True

    def _tell(self, policy: Policy, result: Result) -> None:
        self._away = self._away and result == "unavailable"
        if self.observer is not None:
            self.observer.decided(policy.name, result)
