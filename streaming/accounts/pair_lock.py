"""Two people, and what they are to each other: nobody else changes it while a transaction of this kind runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.errors import ForbiddenError, InputError, NotFoundError
from stores.postgres import advisory_lock
from streaming.accounts.account_lock import account_stays, keep_account
from streaming.serving.database import Connection, Database

_BLOCKED = b"""
    SELECT EXISTS (
        SELECT FROM blocks
        WHERE (user_id = %(one)s AND blocked_id = %(other)s) OR (user_id = %(other)s AND blocked_id = %(one)s)
    ) AS blocked
"""


@asynccontextmanager
async def pair(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """A transaction that has these two for itself until it ends.

    Whoever asks, accepts, follows or blocks takes the same lock: two who ask each other at once end as friends, and no
    edge is made after a block was acknowledged.
    """
    async with database.transaction() as connection:
        lock = advisory_lock("pair", *sorted((user_id, other_id)))
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
        yield connection


@asynccontextmanager
async def new_edge(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """The same for an edge between them. Raises InputError where both are one, NotFoundError, ForbiddenError."""
    async with both_there(database, user_id, other_id) as connection:
        if await blocked(connection, user_id, other_id):
            raise ForbiddenError("one of you has blocked the other")
        yield connection


@asynccontextmanager
async def both_there(database: Database, user_id: str, other_id: str) -> AsyncIterator[Connection]:
    """The same, and both accounts stay until it ends. Raises InputError where both are one, NotFoundError."""
    if other_id == user_id:
        raise InputError("user_id: that is you; name somebody else")
    if "\0" in other_id:
        raise NotFoundError("no such user")
    async with pair(database, user_id, other_id) as connection:
        await keep_account(connection, user_id)
        if not await account_stays(connection, other_id):
            raise NotFoundError("no such user")
        yield connection


async def blocked(connection: Connection, one: str, other: str) -> bool:
    """Whether one of them has blocked the other."""
    cursor = await connection.execute(_BLOCKED, {"one": one, "other": other})
    row = await cursor.fetchone()
    return bool(row and row["blocked"])
