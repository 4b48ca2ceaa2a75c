"""Passwords, hashed with Argon2id (RFC 9106).

Tests: tests/streaming/api/accounts/test_users.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Depends, Request

from schemas.errors import DependencyError

Result = TypeVar("Result")

CONCURRENT_HASHES = 2
"""Each takes a core and 19 MiB for some 20 ms."""
WAITING_REQUESTS = 200
"""Requests that may wait for a hash; further ones get 503."""


class Passwords:
    """Hashes and verifies passwords in threads, `CONCURRENT_HASHES` at a time."""

    def __init__(self) -> None:
        # The minimum of OWASP's Password Storage Cheat Sheet for Argon2id: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._limiter = CapacityLimiter(CONCURRENT_HASHES)
        self._dummy_hash = self._hasher.hash("the password of no account")

    async def hash(self, password: str) -> str:
        """The hash to store, with its salt and parameters."""
        return await self._run_limited(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password matches the hash; takes as long if there is no hash."""
        matches = await self._run_limited(self._matches, password_hash or self._dummy_hash, password)
        return matches and password_hash is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash has other parameters than those in use."""
        return self._hasher.check_needs_rehash(password_hash)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run_limited(self, work: Callable[..., Result], *arguments: str) -> Result:
        if self._limiter.statistics().tasks_waiting >= WAITING_REQUESTS:
            raise DependencyError("too many passwords wait to be hashed")
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._limiter)


async def get_passwords(request: Request) -> Passwords:
    """The application's password hasher."""
    passwords: Passwords = request.app.state.passwords
    return passwords


PasswordsDep = Annotated[Passwords, Depends(get_passwords)]
