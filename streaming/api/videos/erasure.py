"""Erasure of videos: their rows and all rows that refer to them."""

from __future__ import annotations

from collections.abc import Sequence

from streaming.serving.database import Connection

PATIENT = b"SET LOCAL statement_timeout = '60s'"
"""An account with a million followers has a million rows: more than a usual statement may take."""


async def erase_videos(connection: Connection, video_ids: Sequence[str]) -> None:
    """Erase videos and what people did with them, in the caller's transaction.

    Their media are content-addressed, others may hold the same bytes: what nobody needs is swept by upkeep.
    """
    if not video_ids:
        return
    await connection.execute(PATIENT)
    for table in ("comments", "shares", "reactions", "views", "match_decisions", "videos"):
        await connection.execute(f"DELETE FROM {table} WHERE video_id = ANY(%s)".encode(), (list(video_ids),))
