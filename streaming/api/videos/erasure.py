"""Erasure of videos: their rows and all rows that refer to them.

Tests: tests/streaming/api/accounts/test_erasure.py, tests/streaming/api/videos/test_videos.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from streaming.serving.database import Connection

LONG_TIMEOUT = b"SET LOCAL statement_timeout = '60s'"
"""An account with a million followers has a million rows: more than the usual timeout allows."""


async def erase_videos(connection: Connection, video_ids: Sequence[str]) -> None:
    """Erase videos and all rows about them, in the caller's transaction.

    Their media are content-addressed and may belong to other videos too: maintenance removes orphans.
    """
    if not video_ids:
        return
    await connection.execute(LONG_TIMEOUT)
    for table in ("comments", "shares", "reactions", "views", "match_decisions", "videos"):
        await connection.execute(f"DELETE FROM {table} WHERE video_id = ANY(%s)".encode(), (list(video_ids),))
