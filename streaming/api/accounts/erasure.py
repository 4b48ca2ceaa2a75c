"""Erasure of accounts: the account itself and all that identifies it."""

from __future__ import annotations

from streaming.api.videos.erasure import PATIENT, erase_videos
from streaming.serving.database import Connection


async def erase_account(connection: Connection, user_id: str) -> None:
    """Erase an account, in the caller's transaction.

    What it wrote, uploaded, shared and whom it knew goes. Its reactions, views and days of activity stay: they say
    nothing of who it was once the account is gone, and what was counted remains what it was.
    """
    # Writers of this account's rows hold its row until they commit (streaming/accounts/account_lock.py): from here on
    # nobody can write more, and what was written before is visible below.
    await connection.execute("SELECT FROM users WHERE user_id = %s FOR UPDATE", (user_id,))
    await connection.execute(PATIENT)
    cursor = await connection.execute("SELECT video_id FROM videos WHERE uploader_id = %s", (user_id,))
    await erase_videos(connection, [row["video_id"] for row in await cursor.fetchall()])
    await connection.execute(
        "DELETE FROM upload_chunks WHERE upload_id IN (SELECT upload_id FROM uploads WHERE user_id = %s)",
        (user_id,),
    )
    for table, columns in OF_ACCOUNT.items():
        condition = " OR ".join(f"{column} = %s" for column in columns)
        await connection.execute(f"DELETE FROM {table} WHERE {condition}".encode(), (user_id,) * len(columns))
    await connection.execute("DELETE FROM idempotency_keys WHERE subject = %s", (f"user {user_id}",))
    # The answer to its sign-up, which has its user name, is kept under an address.
    await connection.execute(
        "DELETE FROM idempotency_keys WHERE path = '/v1/users' AND headers ->> 'Location' = %s",
        (f"/v1/users/{user_id}",),
    )
    # Credentials and sessions go with it (ON DELETE CASCADE).
    await connection.execute("DELETE FROM users WHERE user_id = %s", (user_id,))


OF_ACCOUNT = {
    "comments": ("user_id",),
    "shares": ("user_id",),
    "posts": ("user_id",),
    "uploads": ("user_id",),
    "friendships": ("user_id_1", "user_id_2"),
    "friend_requests": ("user_id", "asked_id"),
    "follows": ("follower_id", "followee_id"),
    "blocks": ("user_id", "blocked_id"),
}
"""Tables whose rows are about an account, by the columns that name it."""
