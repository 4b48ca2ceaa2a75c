"""Row locks that keep an account until a transaction ends; erasure waits for them.

Tests: tests/streaming/api/accounts/test_erasure.py.
"""

from __future__ import annotations

from schemas.errors import LogInError
from streaming.serving.database import Connection


async def lock_caller(connection: Connection, user_id: str) -> None:
    """Lock the caller's account, so that it is not erased before the transaction ends and leaves no rows behind.

    Raises LogInError if it no longer exists.
    """
    if not await lock_account(connection, user_id):
        raise LogInError("This account was deleted.")


async def lock_account(connection: Connection, user_id: str) -> bool:
    """Lock an account against erasure until the transaction ends; False if it does not exist."""
    cursor = await connection.execute("SELECT FROM users WHERE user_id = %s FOR KEY SHARE", (user_id,))
    return await cursor.fetchone() is not None
