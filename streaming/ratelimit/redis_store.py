"""Limits shared by all who use one Redis: its clock decides, one round trip a decision."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from streaming.ratelimit.decision import Decision, together
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.exact import Number, exact
from streaming.ratelimit.limits import Limit, Request
from streaming.ratelimit.memory_store import MemoryStore
from streaming.ratelimit.redis_calls import Call, many, one, read_many, read_one, redis_key
from streaming.ratelimit.redis_node import AsyncNode, Node
from streaming.ratelimit.redis_scripts import RESET
from streaming.ratelimit.refusals import Refusals

TIMEOUT_S = 0.045
"""Longest that a decision may take; with what Python itself needs, below 50 ms."""

CLOSED_RETRY_S = 1.0
"""When one that was refused because the store is away may ask again."""

OnError = Literal["raise", "open", "closed", "local"]


class RedisStore:
    """Limits on one Redis server (6.2 or later), safe for threads and for any number of event loops.

    `cache_refusals`: a refused key is refused from memory until its wait is over, without asking Redis.
    `on_error`: what happens while Redis does not answer within `timeout_s`: `raise` StoreUnavailable, `open` (all is
    allowed), `closed` (all is refused), `local` (this process decides alone, by `local_share` of each limit).
    """

    def __init__(
        self,
        url: str,
        cache_refusals: bool = True,
        on_error: OnError = "raise",
        *,
        local_share: Number = 1,
        prefix: str = "ratelimit",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if on_error not in ("raise", "open", "closed", "local"):
            raise ValueError(f"on_error must be raise, open, closed or local, not {on_error!r}")
        self._url, self._prefix, self._timeout_s, self._on_error = url, prefix, timeout_s, on_error
        self._where = urlsplit(url)._replace(query="").geturl().rpartition("@")[2]
        self._node = Node(url, self._where, timeout_s)
        self._loops: weakref.WeakKeyDictionary[Any, AsyncNode] = weakref.WeakKeyDictionary()
        self._refusals = Refusals() if cache_refusals else None
        self._local, self._share = MemoryStore(), exact(local_share, "local_share")

    def decide_sync(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        request = Request(key, limit, cost_micros)
        if (known := self._known(request, take=take)) is not None:
            return known
        asked_s = time.monotonic()
        try:
            decision = read_one(limit, self._node.call(one(self._prefix, request, take=take)))
        except StoreUnavailable as error:
            return self._without([request], error, take=take)
        return self._noted(request, decision, asked_s, take=take)

    async def decide(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        request = Request(key, limit, cost_micros)
        if (known := self._known(request, take=take)) is not None:
            return known
        asked_s = time.monotonic()
        try:
            decision = read_one(limit, await self._asked(one(self._prefix, request, take=take)))
        except StoreUnavailable as error:
            return self._without([request], error, take=take)
        return self._noted(request, decision, asked_s, take=take)

    def decide_all_sync(self, requests: Sequence[Request]) -> Decision:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        try:
            [decisions] = read_many([requests], self._node.call(many(self._prefix, [requests])))
        except StoreUnavailable as error:
            return self._without(requests, error)
        return together(decisions)

    async def decide_all(self, requests: Sequence[Request]) -> Decision:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        try:
            [decisions] = read_many([requests], await self._asked(many(self._prefix, [requests])))
        except StoreUnavailable as error:
            return self._without(requests, error)
        return together(decisions)

    def reset_sync(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind. Raises StoreUnavailable, whatever `on_error`."""
        self._node.call(self._reset(key, limit))

    async def reset(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind. Raises StoreUnavailable, whatever `on_error`."""
        await self._asked(self._reset(key, limit))

    def close(self) -> None:
        """Close the connections of the forms that block."""
        self._node.close()

    async def aclose(self) -> None:
        """Close all connections, those of this event loop too."""
        self.close()
        node = self._loops.pop(asyncio.get_running_loop(), None)
        if node is not None:
            await node.aclose()

    def _reset(self, key: str, limit: Limit) -> Call:
        if self._refusals is not None:
            self._refusals.forget(key)
        return Call(RESET, (redis_key(self._prefix, limit.kind, key),), ())

    async def _asked(self, call: Call) -> Any:
        loop = asyncio.get_running_loop()
        if (node := self._loops.get(loop)) is None:
            node = self._loops[loop] = AsyncNode(self._url, self._where, self._timeout_s)
        return await node.call(call)

    def _known(self, request: Request, *, take: bool) -> Decision | None:
        if self._refusals is None or not take:
            return None
        return self._refusals.known(request)

    def _noted(self, request: Request, decision: Decision, asked_s: float, *, take: bool) -> Decision:
        if self._refusals is not None and take and not decision.allowed:
            self._refusals.note(request, decision, asked_s)
        return decision

    def _without(
        self, requests: Sequence[Request], error: StoreUnavailable, *, take: bool = True
    ) -> Decision:
        """What is answered while Redis does not answer."""
        if self._on_error == "raise":
            raise error
        if self._on_error == "closed":
            return Decision(False, 0, 0.0, CLOSED_RETRY_S, CLOSED_RETRY_S)
        if self._on_error == "open":
            return Decision(True, 0, 0.0, 0.0, 0.0)
        own = [request._replace(limit=request.limit.scaled(self._share)) for request in requests]
        if take:
            return self._local.decide_all_sync(own)
        return together([self._local.decide_sync(*request, take=False) for request in own])
