"""The limiter that callers hold: checked arguments, one store behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from streaming.ratelimit.decision import Decision, combine
from streaming.ratelimit.exact import MICROS
from streaming.ratelimit.limits import BY_KIND, LIMITS, Limit, Request

_KNOWN = frozenset(LIMITS)


class Store(Protocol):
    """Where limits keep what was used. MemoryStore and RedisStore are such."""

    def decide_sync(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision: ...  # noqa: D102

    async def decide(self, key: str, limit: Limit, cost_micros: int, *, take: bool = True) -> Decision: ...  # noqa: D102

    def decide_all_sync(self, requests: list[Request]) -> list[Decision]: ...  # noqa: D102

    async def decide_all(self, requests: list[Request]) -> list[Decision]: ...  # noqa: D102

    def kept_sync(self, most: int) -> list[tuple[str, str]]: ...  # noqa: D102

    async def kept(self, most: int) -> list[tuple[str, str]]: ...  # noqa: D102

    def reset_sync(self, key: str, limit: Limit) -> None: ...  # noqa: D102

    async def reset(self, key: str, limit: Limit) -> None: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102

    async def aclose(self) -> None: ...  # noqa: D102


class RateLimiter:
    """Decides requests against limits. Each method has two forms, one for event loops and one that blocks (`_sync`).

    State belongs to the key and the class of the limit: other parameters keep what was used. Two limits of one class on
    one subject take two keys. All methods raise ValueError for an empty key, a cost that is not above 0, or what is no
    limit, and StoreUnavailable where the store says so.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decide_sync = store.decide_sync

    async def acquire(self, key: str, limit: Limit, cost: float = 1) -> Decision:
        """Consume `cost` units of a key if its limit has them; nothing otherwise."""
        return await self._store.decide(key, limit, _micros(key, limit, cost))

    def acquire_sync(self, key: str, limit: Limit, cost: float = 1) -> Decision:
        """Consume `cost` units of a key if its limit has them; nothing otherwise."""
        return self._decide_sync(key, limit, _micros(key, limit, cost))

    async def acquire_all(self, requests: Iterable[tuple[str, Limit, float]]) -> Decision:
        """Consume all of (key, limit, cost) or nothing. ValueError for an empty list."""
        return combine(await self._store.decide_all(_check_requests(requests)))

    def acquire_all_sync(self, requests: Iterable[tuple[str, Limit, float]]) -> Decision:
        """Consume all of (key, limit, cost) or nothing. ValueError for an empty list."""
        return combine(self._store.decide_all_sync(_check_requests(requests)))

    async def acquire_each(self, requests: Iterable[tuple[str, Limit, float]]) -> list[Decision]:
        """As `acquire_all`, all or nothing, with what each of the limits says: who refuses, and until when."""
        return await self._store.decide_all(_check_requests(requests))

    def acquire_each_sync(self, requests: Iterable[tuple[str, Limit, float]]) -> list[Decision]:
        """As `acquire_all`, all or nothing, with what each of the limits says: who refuses, and until when."""
        return self._store.decide_all_sync(_check_requests(requests))

    async def peek(self, key: str, limit: Limit, cost: float = 1) -> Decision:
        """What `acquire` would answer now, with what is left now. Nothing is consumed."""
        return await self._store.decide(key, limit, _micros(key, limit, cost), take=False)

    def peek_sync(self, key: str, limit: Limit, cost: float = 1) -> Decision:
        """What `acquire` would answer now, with what is left now. Nothing is consumed."""
        return self._decide_sync(key, limit, _micros(key, limit, cost), take=False)

    async def kept(self, most: int = 10_000) -> list[tuple[str, type[Limit]]]:
        """Keys that something is kept of, with the class of the limit; at most so many, in no order."""
        return [(key, BY_KIND[kind]) for kind, key in await self._store.kept(most)]

    def kept_sync(self, most: int = 10_000) -> list[tuple[str, type[Limit]]]:
        """Keys that something is kept of, with the class of the limit; at most so many, in no order."""
        return [(key, BY_KIND[kind]) for kind, key in self._store.kept_sync(most)]

    async def reset(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this class."""
        key, limit, _ = Request.check(key, limit)
        await self._store.reset(key, limit)

    def reset_sync(self, key: str, limit: Limit) -> None:
        """Forget what was used of a key under limits of this class."""
        key, limit, _ = Request.check(key, limit)
        self._store.reset_sync(key, limit)

    def close(self) -> None:
        """Close what the store holds open for the forms that block."""
        self._store.close()

    async def aclose(self) -> None:
        """Close what the store holds open, for this event loop too."""
        await self._store.aclose()


def _micros(key: Any, limit: Any, cost: Any) -> int:
    """The cost in millionths of a unit; fast for most requests. Raises ValueError as `Request.check`."""
    if cost.__class__ is int and cost > 0 and key.__class__ is str and key and limit.__class__ in _KNOWN:
        return cost * MICROS
    return Request.check(key, limit, cost).cost_micros


def _check_requests(requests: Iterable[tuple[str, Limit, float]]) -> list[Request]:
    checked = [Request.check(*request) for request in requests]
    if not checked:
        raise ValueError("acquire_all needs at least one (key, limit, cost)")
    return checked
