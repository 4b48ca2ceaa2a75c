"""Limits shared by all who use one Redis: its clock decides, one round trip a decision."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from typing import Literal

from streaming.ratelimit.coalescing import Coalescer
from streaming.ratelimit.decision import Decision
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.exact import Number, exact
from streaming.ratelimit.limits import Limit, Request
from streaming.ratelimit.memory_store import MemoryStore
from streaming.ratelimit.redis_calls import one, parse_redis_key, read_one, redis_key, reset, scan
from streaming.ratelimit.redis_node import pick_server
from streaming.ratelimit.redis_servers import AsyncServers, Servers
from streaming.ratelimit.redis_slots import Place, Slots
from streaming.ratelimit.refusals import Refusals
from streaming.ratelimit.reservation import reserve

TIMEOUT_S = 0.04
"""Longest that a decision may take; with what Python itself needs, below 50 ms."""

CLOSED_RETRY_S = 1.0
"""When one that was refused because the store is away may ask again."""

OnError = Literal["raise", "open", "closed", "local"]

_log = logging.getLogger(__name__)


class RedisStore:
    """Limits on one Redis server (6.2 or later) or a Redis Cluster, safe for threads and any number of event loops.

    `url`: redis://, rediss:// or unix://, of the server or of any server of the cluster; redis+cluster://host:port,… of
    several. `cache_refusals`: a refused key is refused from memory until its wait is over, without asking Redis.
    `on_error`: what happens while Redis does not answer within `timeout_s`: `raise` StoreUnavailable, `open` (all is
    allowed), `closed` (all is refused), `local` (this process decides alone, by `local_share` of each limit); the last
    three are logged once an outage.
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
        self._timeout_s = timeout_s = float(exact(timeout_s, "timeout_s"))
        self._url = url = pick_server(url, timeout_s)
        self._prefix, self._on_error = prefix, on_error
        self._slots = Slots()
        self._servers = Servers(url, self._slots, timeout_s)
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}
        self._lock = threading.Lock()
        self._refusals = Refusals() if cache_refusals else None
        self._local, self._share = MemoryStore(), exact(local_share, "local_share")
        self._away = False

    def decide_sync(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        request = Request(key, limit, cost_micros)
        if take and self._refusals is not None and (known := self._refusals.find(request)) is not None:
            return known
        asked_s = time.monotonic()
        try:
            decision = read_one(limit, self._servers.answer(one(self._prefix, request, take=take)))
        except StoreUnavailable as error:
            return self._decide_without_redis([request], error, take=take)[0]
        return self._note(request, decision, asked_s, take=take)

    async def decide(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision:
        """Answer one request; with `take`, what it is allowed is consumed."""
        request = Request(key, limit, cost_micros)
        if take and self._refusals is not None and (known := self._refusals.find(request)) is not None:
            return known
        loop = self._loop()
        asked_s = time.monotonic()
        try:
            [decision] = await loop.ask((request,), take=take)
        except StoreUnavailable as error:
            return self._decide_without_redis([request], error, take=take)[0]
        return self._note(request, decision, asked_s, take=take)

    def decide_all_sync(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        group = tuple(requests)
        if self._refusals is not None and (known := self._refusals.find_group(group)) is not None:
            return known
        asked_s = time.monotonic()
        try:
            if not self._slots.known:
                self._servers.answers(())
            steps = reserve(self._slots, self._prefix, group)
            asked = next(steps)
            while True:
                asked = steps.send(self._servers.answers(asked))
        except StopIteration as end:
            return self._note_group(group, end.value, asked_s)
        except StoreUnavailable as error:
            return self._decide_without_redis(group, error)

    async def decide_all(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer several requests together: all are consumed or none. Those on one key and kind add up."""
        group = tuple(requests)
        if self._refusals is not None and (known := self._refusals.find_group(group)) is not None:
            return known
        loop = self._loop()
        asked_s = time.monotonic()
        try:
            if not self._slots.known:
                await loop.servers.answers(())
            if len(self._slots.group_by_slot(self._prefix, group)) == 1:
                return self._note_group(group, await loop.ask(group), asked_s)
            steps = reserve(self._slots, self._prefix, group)
            asked = next(steps)
            while True:
                asked = steps.send(await loop.servers.answers(asked))
        except StopIteration as end:
            return self._note_group(group, end.value, asked_s)
        except StoreUnavailable as error:
            return self._decide_without_redis(group, error)

    def kept_sync(self, most: int) -> list[tuple[str, str]]:
        """Kind and key of what has state, at most so many. Raises StoreUnavailable, whatever `on_error`."""
        found: list[tuple[str, str]] = []
        self._servers.answers(())
        for place in self._slots.masters():
            cursor = b"0"
            while len(found) < most:
                cursor, keys = self._servers.ask(place, scan(self._prefix, cursor))
                found += [kept for key in keys if (kept := parse_redis_key(self._prefix, key))]
                if cursor == b"0":
                    break
        return found[:most]

    async def kept(self, most: int) -> list[tuple[str, str]]:
        """Kind and key of what has state, at most so many. Raises StoreUnavailable, whatever `on_error`."""
        found: list[tuple[str, str]] = []
        servers = self._loop().servers
        await servers.answers(())
        for place in self._slots.masters():
            cursor = b"0"
            while len(found) < most:
                cursor, keys = await servers.ask(place, scan(self._prefix, cursor))
                found += [kept for key in keys if (kept := parse_redis_key(self._prefix, key))]
                if cursor == b"0":
                    break
        return found[:most]

    def reset_sync(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind. Raises StoreUnavailable, whatever `on_error`."""
        self._servers.answer(reset(self._prefix, limit, key))
        self._forget(key)

    async def reset(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this kind. Raises StoreUnavailable, whatever `on_error`."""
        await self._loop().servers.answer(reset(self._prefix, limit, key))
        self._forget(key)

    def close(self) -> None:
        """Close the connections of the forms that block."""
        self._servers.close()

    async def aclose(self) -> None:
        """Close all connections, those of this event loop too."""
        self.close()
        loop = self._loops.pop(asyncio.get_running_loop(), None)
        if loop is not None:
            await loop.servers.aclose()

    def _loop(self) -> _Loop:
        running = asyncio.get_running_loop()
        if (loop := self._loops.get(running)) is None:
            loop = _Loop(self._url, self._slots, self._prefix, self._timeout_s)
            with self._lock:
                self._loops = {known: of for known, of in self._loops.items() if not known.is_closed()}
                self._loops[running] = loop
        return loop

    def _forget(self, key: str) -> None:
        if self._refusals is not None:
            self._refusals.forget(key)

    def _note(self, request: Request, decision: Decision, asked_s: float, *, take: bool) -> Decision:
        self._report_recovery()
        if take and self._refusals is not None and not decision.allowed:
            self._refusals.note(request, decision, asked_s)
        return decision

    def _note_group(
        self, group: tuple[Request, ...], decisions: list[Decision], asked_s: float
    ) -> list[Decision]:
        self._report_recovery()
        if self._refusals is not None and not all(one.allowed for one in decisions):
            self._refusals.note_group(group, decisions, asked_s)
        return decisions

    def _report_recovery(self) -> None:
        if self._away:
            self._away = False
            _log.warning("rate limits: Redis decides again")

    def _decide_without_redis(
        self, requests: Sequence[Request], error: StoreUnavailable, *, take: bool = True
    ) -> list[Decision]:
        """What is answered while Redis does not answer."""
        if self._on_error == "raise":
            raise error
        if not self._away:
            self._away = True
            _log.warning("%s; until it is back the answer is: %s", error, self._on_error)
        if self._on_error == "closed":
            return [Decision(False, 0, 0.0, CLOSED_RETRY_S, CLOSED_RETRY_S) for _ in requests]
        if self._on_error == "open":
            return [Decision(True, 0, 0.0, 0.0, 0.0) for _ in requests]
        own = [request._replace(limit=request.limit.scale(self._share)) for request in requests]
        if take:
            return self._local.decide_all_sync(own)
        return [self._local.decide_sync(*request, take=False) for request in own]


class _Loop:
    """What one event loop has of a store."""

    def __init__(self, url: str, slots: Slots, prefix: str, timeout_s: float) -> None:
        self.servers = AsyncServers(url, slots, timeout_s)
        self._prefix = prefix
        self._coalescers: dict[Place, Coalescer] = {}

    def ask(self, group: Sequence[Request], *, take: bool = True) -> asyncio.Future[list[Decision]]:
        """The decisions on a group within one slot. Without `take`, of a single request, nothing is consumed."""
        place = None
        if not self.servers.slots.whole:
            key, limit, _ = group[0]
            place = self.servers.slots.owner(redis_key(self._prefix, limit.kind, key))
        if (coalescer := self._coalescers.get(place)) is None:
            coalescer = self._coalescers[place] = Coalescer(self.servers, self._prefix)
        return coalescer.ask(group, take=take)
