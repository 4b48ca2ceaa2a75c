"""Row locks that keep an account until a transaction ends; erasure waits for them."""

from __future__ import annotations

from schemas.errors import LogInError
from streaming.serving.database import Connection


async def keep_account(connection: Connection, user_id: str) -> None:
    """Let the account of who asks not be erased before the transaction ends, lest it leaves something behind.

    Raises LogInError where it is gone.
    """
    if not await account_stays(connection, user_id):
        raise LogInError("this account was deleted")


async def account_stays(connection: Connection, user_id: str) -> bool:
    """Whether there is this account; it is not erased before the transaction ends."""
    cursor = await connection.execute("SELECT FROM users WHERE user_id = %s FOR KEY SHARE", (user_id,))
    return await cursor.fetchone() is not None
