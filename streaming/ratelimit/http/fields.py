"""Response fields that tell clients of their limits: draft-ietf-httpapi-ratelimit-headers-11 (May 2026), RFC 9651.

RateLimit-Policy: "burst";q=10;w=1, "daily";q=1000;w=86400
RateLimit: "burst";r=9;t=1, "daily";r=512;t=3600
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from streaming.ratelimit.bucket import LeakingBucket, TokenBucket
from streaming.ratelimit.exact import exact
from streaming.ratelimit.http.asgi import Headers
from streaming.ratelimit.http.outcome import Outcome
from streaming.ratelimit.limits import Limit

LARGEST = 10**15 - 1
"""Integers of structured fields have 15 digits (RFC 9651, 3.3.1)."""


def rate_limit_fields(outcomes: Iterable[Outcome]) -> Headers:
    """`RateLimit-Policy` and `RateLimit`, with a member for each policy, of what was decided last; none without any.

    `q`: units; `w`: seconds, for a bucket those in which a full one flows out. `r`: units left. `t`: until the limit is
    as if never used; on a refusal until the request would pass, and only where that can be told and it is this limit
    that refuses, so that no `t` ends after Retry-After.
    """
    last = list({outcome.policy.name: outcome for outcome in outcomes}.values())
    if not last:
        return []
    refused = not all(outcome.decision.allowed for outcome in last)
    return [
        (b"ratelimit-policy", ", ".join(map(_policy, last)).encode()),
        (b"ratelimit", ", ".join(_state(outcome, refused) for outcome in last).encode()),
    ]


def retry_after(retry_after_s: float) -> Headers:
    """`Retry-After`: whole seconds, never too few, 1 at least; none where no wait suffices."""
    if math.isinf(retry_after_s):
        return []
    return [(b"retry-after", b"%d" % max(1, math.ceil(retry_after_s)))]


def longest_wait_s(outcomes: Sequence[Outcome]) -> float:
    """After how long none of these limits refuses any more; inf where one always does."""
    return max(outcome.decision.retry_after_s for outcome in outcomes)


@lru_cache(maxsize=1024)
def quota(limit: Limit) -> tuple[int, int]:
    """How many whole units, in how many seconds, rounded up."""
    if isinstance(limit, TokenBucket):
        units = exact(limit.capacity, "capacity")
        window_s = units / exact(limit.refill_per_s, "refill_per_s")
    elif isinstance(limit, LeakingBucket):
        units = exact(limit.bucket_size, "bucket_size")
        window_s = units / exact(limit.outflow_per_s, "outflow_per_s")
    else:
        units, window_s = exact(limit.limit, "limit"), exact(limit.window_s, "window_s")
    return math.floor(units), math.ceil(window_s)


def _policy(outcome: Outcome) -> str:
    units, window_s = quota(outcome.policy.limit)
    return f"{_string(outcome.policy.name)};q={_integer(units)};w={_integer(window_s)}"


def _state(outcome: Outcome, refused: bool) -> str:
    decision = outcome.decision
    told = f"{_string(outcome.policy.name)};r={_integer(decision.remaining)}"
    if not refused:
        return f"{told};t={_integer(math.ceil(decision.reset_after_s))}"
    if decision.allowed or math.isinf(decision.retry_after_s):
        return told
    return f"{told};t={_integer(math.ceil(decision.retry_after_s))}"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _integer(number: int) -> int:
    return min(number, LARGEST)
