"""Passwords, as Argon2id hashes (RFC 9106)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.errors import DependencyError

Found = TypeVar("Found")

AT_ONCE = 2
"""Hashes that are computed at a time: each takes a core and 19 MiB for some 20 ms."""
WAITING = 200
"""More requests than this may not wait for theirs."""


class Passwords:
    """Hashes and checks, in threads and a bounded number at a time."""

    def __init__(self) -> None:
        # What OWASP's Password Storage Cheat Sheet asks of Argon2id at least: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._limiter = CapacityLimiter(AT_ONCE)
        self._nobodys = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The hash, with its salt and parameters, to be kept."""
        return await self._in_turn(self._hasher.hash, password)

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed; takes as long where there is no hash."""
        fits = await self._in_turn(self._fits, password_hash or self._nobodys, password)
        return fits and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[..., Found], *arguments: str) -> Found:
        if self._limiter.statistics().tasks_waiting >= WAITING:
            raise DependencyError("too many passwords wait to be checked")
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._limiter)
