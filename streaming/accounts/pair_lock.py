"""Locks on a pair of accounts: no other transaction changes the edges between them meanwhile.

Tests: tests/streaming/api/graph/test_friends.py, tests/streaming/api/graph/test_blocks.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.errors import ForbiddenError, InputError, NotFoundError
from stores.postgres import advisory_lock_id
from streaming.accounts.account_lock import lock_account, lock_caller
from streaming.serving.database import Connection, Database

BLOCKED = "One of the two users has blocked the other."
_IS_BLOCKED = b"""
    SELECT EXISTS (
        SELECT FROM blocks
        WHERE (user_id = %(one)s AND blocked_id = %(other)s) OR (user_id = %(other)s AND blocked_id = %(one)s)
    ) AS blocked
"""


@asynccontextmanager
async def lock_pair(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """A transaction that holds the lock of two accounts until it ends.

    Requests, acceptances, follows and blocks take the same lock: two users who request each other at the same time end
    as friends, and no edge is created after a block was acknowledged.
    """
    async with database.transaction() as connection:
        await _lock(connection, user_id, other_id)
        yield connection


@asynccontextmanager
async def lock_existing_pair(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """`lock_pair`, with both accounts locked against erasure.

    Raises InputError if both are the same, NotFoundError if the other does not exist.
    """
    if other_id == user_id:
        raise InputError("user_id: must be another user than the caller.")
    if "\0" in other_id:
        raise NotFoundError("No such user.")
    async with lock_pair(database, user_id, other_id) as connection:
        await lock_caller(connection, user_id)
        if not await lock_account(connection, other_id):
            raise NotFoundError("No such user.")
        yield connection


@asynccontextmanager
async def lock_new_edge(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """`lock_existing_pair`, to create an edge. Raises ForbiddenError too, if one has blocked the other."""
    async with lock_existing_pair(database, user_id, other_id) as connection:
        if await is_blocked(connection, user_id, other_id):
            raise ForbiddenError(BLOCKED)
        yield connection


async def require_unblocked(connection: Connection, user_id: str, other_id: str) -> None:
    """Lock two accounts as `lock_pair` does, in the caller's transaction.

    Raises ForbiddenError if one of them has blocked the other.
    """
    if user_id == other_id:
        return
    await _lock(connection, user_id, other_id)
    if await is_blocked(connection, user_id, other_id):
        raise ForbiddenError(BLOCKED)


async def is_blocked(connection: Connection, one: str, other: str) -> bool:
    """Whether either has blocked the other."""
    cursor = await connection.execute(_IS_BLOCKED, {"one": one, "other": other})
    row = await cursor.fetchone()
    return bool(row and row["blocked"])


async def _lock(connection: Connection, user_id: str, other_id: str) -> None:
    lock = advisory_lock_id("pair", *sorted((user_id, other_id)))
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
