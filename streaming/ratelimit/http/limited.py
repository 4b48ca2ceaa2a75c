"""Subjects that are limited now: a function, and a page for operators."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import html
import json
from collections.abc import Iterable
from typing import NamedTuple

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.http.asgi import Headers, Receive, Scope, Send, header
from streaming.ratelimit.http.policy import Policies, Policy
from streaming.ratelimit.http.refused import Refused
from streaming.ratelimit.http.subject import read_key
from streaming.ratelimit.limiter import RateLimiter

AT_ONCE = 16
"""Keys that are looked at together: each may take a connection to the store, and requests wait for all of them."""

TRIES = 3
"""A store answers in time or not at all; among thousands of keys one may be late without a store that is away."""


class Limited(NamedTuple):
    """A subject whose next request would be refused. `subject`: its parts, as `user=42`; none for everybody together.

    `remaining`: units left, fewer than a request costs.
    """

    policy: str
    subject: tuple[str, ...]
    retry_after_s: float
    remaining: int
    shadow: bool


async def who_is_limited(
    limiter: RateLimiter, policies: Iterable[Policy], most: int = 10_000
) -> list[Limited]:
    """Who would be refused now, by policy, the longest wait first; read from the store, so the same in every process.

    At most `most` kept keys are looked at, which ones is not said. Nothing is consumed. Raises StoreUnavailable.
    """
    return (await _find_limited(limiter, policies, most))[0]


async def _find_limited(
    limiter: RateLimiter, policies: Iterable[Policy], most: int
) -> tuple[list[Limited], bool]:
    """Who is limited, and whether all kept keys were looked at."""
    by_name = {policy.name: policy for policy in policies}
    kept = await limiter.kept(most + 1)

    async def look(key: str, kind: type) -> Limited | None:
        read = read_key(key)
        policy = by_name.get(read[0]) if read else None
        if read is None or policy is None or type(policy.limit) is not kind:
            return None
        decision = await _peek(limiter, key, policy)
        if decision.allowed:
            return None
        return Limited(policy.name, tuple(read[1]), decision.retry_after_s, decision.remaining, policy.shadow)

    limited: list[Limited] = []
    for first in range(0, len(kept[:most]), AT_ONCE):
        found = await asyncio.gather(*[look(*one) for one in kept[first : min(first + AT_ONCE, most)]])
        limited += [one for one in found if one is not None]
    limited.sort(key=lambda one: (one.policy, -one.retry_after_s, one.subject))
    return limited, len(kept) <= most


async def _peek(limiter: RateLimiter, key: str, policy: Policy) -> Decision:
    for _ in range(TRIES - 1):
        with contextlib.suppress(StoreUnavailable):
            return await limiter.peek(key, policy.limit, policy.units(0))
    return await limiter.peek(key, policy.limit, policy.units(0))


class LimitedView:
    """An ASGI application that answers GET with who is limited: JSON, or a page where HTML is asked for.

    `{"limited": [{"policy", "subject", "retry_after_s", "remaining", "shadow"}], "complete"}`, where `complete` is
    false if more than `most` keys are kept, of which only so many were looked at. 503 while the store does not answer.

    It names users and addresses and is not protected: mount it behind the operators' authorization.
    """

    def __init__(self, limiter: RateLimiter, policies: Policies, most: int = 10_000) -> None:
        self._limiter, self._policies, self._most = limiter, policies, most

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"LimitedView answers HTTP requests, not {scope['type']}")
        if scope["method"] not in ("GET", "HEAD"):
            await _send(send, 405, [(b"allow", b"GET, HEAD"), (b"content-length", b"0")], b"")
            return
        try:
            limited, complete = await _find_limited(self._limiter, self._policies, self._most)
        except StoreUnavailable:
            refused = Refused.unavailable()
            await _send(send, refused.status, refused.headers, refused.body)
            return
        if any("text/html" in accepted for accepted in header(scope, b"accept")):
            fields = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY)]
            body = _page(limited, complete).encode(errors="replace")
        else:
            fields = [(b"content-type", b"application/json")]
            body = json.dumps({"limited": [one._asdict() for one in limited], "complete": complete}).encode()
        fields += [(b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        await _send(send, 200, fields, body)


async def _send(send: Send, status: int, fields: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }
.number { text-align: right }
"""

_POLICY = b"default-src 'none'; style-src 'sha256-%b'" % base64.b64encode(
    hashlib.sha256(_STYLE.encode()).digest()
)


def _page(limited: list[Limited], complete: bool) -> str:
    rows = "".join(map(_row, limited))
    said = f"{len(limited)} limited now" if limited else "Nobody is limited now"
    if not complete:
        said += ", of the keys that were looked at; there are more"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>Rate limits</title><style>{_STYLE}</style></head>"
        f"<body><h1>Rate limits</h1><p>{said}.</p><table><thead><tr><th scope='col'>Policy</th>"
        "<th scope='col'>Subject</th><th scope='col' class='number'>Free again in</th>"
        "<th scope='col' class='number'>Left</th><th scope='col'>Enforced</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )


def _row(one: Limited) -> str:
    cells = (
        f"<td>{html.escape(one.policy)}</td>",
        f"<td>{html.escape(', '.join(one.subject)) or 'everybody'}</td>",
        f"<td class='number'>{one.retry_after_s:.1f} s</td>",
        f"<td class='number'>{one.remaining}</td>",
        f"<td>{'no, shadow' if one.shadow else 'yes'}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"
