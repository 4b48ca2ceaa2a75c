"""ASGI middleware that holds requests, WebSocket handshakes and WebSocket frames to policies."""

from __future__ import annotations

from collections.abc import Iterable

from streaming.ratelimit.http.answer import Answer
from streaming.ratelimit.http.asgi import App, Receive, Scope, Send
from streaming.ratelimit.http.enforcement import Enforcement, Observer
from streaming.ratelimit.http.frames import CLOSE_AFTER, FrameLimiter, Tell, rate_limited
from streaming.ratelimit.http.guard import HOOK, Guard
from streaming.ratelimit.http.policy import Policies
from streaming.ratelimit.http.refused import Refused
from streaming.ratelimit.http.subject import Known, Subject, Subjects
from streaming.ratelimit.http.waiting import Waiting
from streaming.ratelimit.limiter import RateLimiter


class RateLimitMiddleware:
    """Serves what all policies that apply allow, decided together: a refused request consumes nothing of any.

    Answers say how the limits stand (`RateLimit-Policy`, `RateLimit`), refusals when to ask again (429, `Retry-After`,
    a problem as JSON); so does a WebSocket handshake where the server can (extension websocket.http.response), and else
    it is 403. What a leaking bucket accepts waits for its time, unless its client goes away. While the store does not
    answer and raises StoreUnavailable, the answer is 503 with `Retry-After`. Policies in the shadow are counted, after
    the others have allowed the request, and neither enforced nor announced.

    `policies.replace` changes what holds while it runs. `Guard.of(scope).check(...)` lets a handler ask more; a Refused
    that escapes the application before its answer has begun is answered. Frameworks turn what escapes them into 500:
    with Starlette and FastAPI stand inside, `app.add_middleware(RateLimitMiddleware, limiter=..., policies=...)`.

    `user`, `key`, `trusted_proxies`, `ipv6_prefix`: see Subjects. `metrics`: told of every decision. `tell`,
    `close_after`: see FrameLimiter.
    """

    def __init__(
        self,
        app: App,
        limiter: RateLimiter,
        policies: Policies,
        *,
        user: Known | None = None,
        key: str | Known = "x-api-key",
        trusted_proxies: Iterable[str] = (),
        ipv6_prefix: int = 64,
        metrics: Observer | None = None,
        tell: Tell = rate_limited,
        close_after: int = CLOSE_AFTER,
    ) -> None:
        self._app, self._policies = app, policies
        self._subjects = Subjects(
            user=user, key=key, trusted_proxies=trusted_proxies, ipv6_prefix=ipv6_prefix
        )
        self._enforcement = Enforcement(limiter, metrics)
        self._tell, self._close_after = tell, close_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        guard = Guard(self._policies, self._enforcement, Subject(self._subjects, scope), scope)
        scope[HOOK] = guard
        answer, waiting = Answer(scope, guard, send), Waiting(receive)
        receive = waiting.receive
        if scope["type"] == "websocket":
            receive = FrameLimiter(guard, receive, answer, self._tell, self._close_after).receive
        try:
            if await waiting.sleep(await guard.request()):
                await self._app(scope, receive, answer.send)
        except Refused as refused:
            await answer.refuse(refused)
        finally:
            waiting.close()
