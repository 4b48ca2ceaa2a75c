"""Erasure of accounts: the account itself and all rows that identify its owner."""

from __future__ import annotations

from streaming.api.videos.erasure import LONG_TIMEOUT, erase_videos
from streaming.serving.database import Connection


async def erase_account(connection: Connection, user_id: str) -> None:
    """Erase an account, in the caller's transaction.

    Its posts, comments, uploads, shares and edges are deleted. Its reactions, views and days of activity stay: without
    the account they identify nobody, and counters keep their values.
    """
    # Writers of this account's rows lock its row until they commit (streaming/accounts/account_lock.py): after this
    # lock no transaction can write more, and what was written before is visible below.
    await connection.execute("SELECT FROM users WHERE user_id = %s FOR UPDATE", (user_id,))
    await connection.execute(LONG_TIMEOUT)
    cursor = await connection.execute("SELECT video_id FROM videos WHERE uploader_id = %s", (user_id,))
    await erase_videos(connection, [row["video_id"] for row in await cursor.fetchall()])
    await connection.execute(
        "DELETE FROM upload_chunks WHERE upload_id IN (SELECT upload_id FROM uploads WHERE user_id = %s)",
        (user_id,),
    )
    for table, columns in ACCOUNT_TABLES.items():
        condition = " OR ".join(f"{column} = %s" for column in columns)
        await connection.execute(f"DELETE FROM {table} WHERE {condition}".encode(), (user_id,) * len(columns))
    await connection.execute("DELETE FROM idempotency_keys WHERE subject = %s", (f"user {user_id}",))
    # The stored response to its sign-up contains its user name; its subject is an address.
    await connection.execute(
        "DELETE FROM idempotency_keys WHERE path = '/v1/users' AND headers ->> 'Location' = %s",
        (f"/v1/users/{user_id}",),
    )
    # Credentials and sessions are deleted too (ON DELETE CASCADE).
    await connection.execute("DELETE FROM users WHERE user_id = %s", (user_id,))


ACCOUNT_TABLES = {
    "comments": ("user_id",),
    "shares": ("user_id",),
    "posts": ("user_id",),
    "uploads": ("user_id",),
    "friendships": ("user_id_1", "user_id_2"),
    "friend_requests": ("user_id", "asked_id"),
    "follows": ("follower_id", "followee_id"),
    "blocks": ("user_id", "blocked_id"),
}
"""Tables with rows about an account, and the columns that name it."""
