"""A request that is not served: its status, header fields and body (Problem Details, RFC 9457)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Self

from streaming.ratelimit.http.asgi import Headers
from streaming.ratelimit.http.fields import longest_wait_s, quota, retry_after
from streaming.ratelimit.http.outcome import Outcome

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""The problem's type: draft-ietf-httpapi-ratelimit-headers-11, 5.1."""

UNAVAILABLE_RETRY_S = 1.0
"""When to ask again while the store of the limits does not answer."""


class Refused(Exception):  # noqa: N818 - an answer, and no error of the application
    """429: over a limit. 503: the store does not answer. RateLimitMiddleware answers with it where it escapes.

    `retry_after_s`: the least wait that suffices, inf where none does. `violated`: names of the policies that refuse.
    """

    def __init__(
        self, status: int, problem: dict[str, Any], retry_after_s: float, violated: list[str]
    ) -> None:
        super().__init__(problem["detail"])
        self.status, self.retry_after_s, self.violated = status, retry_after_s, violated
        self.detail: str = problem["detail"]
        told_s = None if math.isinf(retry_after_s) else retry_after_s
        self.body = json.dumps({**problem, "status": status, "retry_after_s": told_s}).encode()
        self.headers: Headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
            *retry_after(retry_after_s),
        ]

    @classmethod
    def from_outcomes(cls, refusing: Sequence[Outcome]) -> Self:
        """429 for the outcomes that are refusals."""
        violated = [outcome.policy.name for outcome in refusing]
        wait_s = longest_wait_s(refusing)
        problem = {
            "type": QUOTA_EXCEEDED,
            "title": "Quota exceeded",
            "detail": _detail(refusing, wait_s),
            "violated-policies": violated,
        }
        return cls(429, problem, wait_s, violated)

    @classmethod
    def unavailable(cls) -> Self:
        """503: whether there is a limit in the way cannot be told."""
        problem = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "detail": "The rate limits cannot be checked at the moment; try again shortly.",
        }
        return cls(503, problem, UNAVAILABLE_RETRY_S, [])


def _detail(refusing: Sequence[Outcome], wait_s: float) -> str:
    limits = " and ".join(_describe(outcome) for outcome in refusing)
    if math.isinf(wait_s):
        return f"This asks for more than is ever allowed by {limits}; ask for less."
    return f"This is over the limit: {limits}; try again in {max(1, math.ceil(wait_s))} s."


def _describe(outcome: Outcome) -> str:
    units, window_s = quota(outcome.policy.limit)
    return f'"{outcome.policy.name}" ({units} in {window_s} s)'
