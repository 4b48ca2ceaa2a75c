"""Quota of an account: the bytes of its videos and of its open uploads, which are reserved when they are created.

Tests: tests/streaming/api/uploads/test_quota.py.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import HTTPException

from schemas.settings import settings
from streaming.serving.database import Connection, Database

USED = """
    (SELECT coalesce(sum(size_bytes), 0) FROM videos WHERE uploader_id = %(user_id)s)
    + (SELECT coalesce(sum(size_bytes), 0) FROM uploads WHERE user_id = %(user_id)s AND state = 'open')
"""
"""SQL: bytes used by an account. A video counts for as long as it has a row, whatever its status."""


async def read_used_bytes(database: Database, user_id: str) -> int:
    """Bytes that an account uses of its quota."""
    row = await database.one(f"SELECT ({USED})::bigint AS used", {"user_id": user_id})
    return int(row["used"]) if row else 0


async def require_room(connection: Connection, user_id: str, size_bytes: int) -> None:
    """Refuse an upload that the account's quota has no room for, in the transaction that creates it.

    Raises HTTPException (413) that says how much is left.
    """
    if not (quota_bytes := settings().quota_bytes):
        return
    # One creation of an account at a time: the next one sees this one's bytes.
    await connection.execute("SELECT FROM users WHERE user_id = %s FOR NO KEY UPDATE", (user_id,))
    cursor = await connection.execute(f"SELECT ({USED})::bigint AS used".encode(), {"user_id": user_id})
    row = await cursor.fetchone()
    left_bytes = max(0, quota_bytes - (row["used"] if row else 0))
    if size_bytes > left_bytes:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Over the quota of this account: {left_bytes} of {quota_bytes} bytes are left, {size_bytes} are needed; "
            "delete videos, or uploads that are not finished.",
        )
