"""What operators decided of matches: the earlier videos that a video does not repeat, whatever their pictures say."""

from __future__ import annotations

from stores.postgres import Connection


def overruled(connection: Connection, video_id: str) -> frozenset[str]:
    """Ids of earlier videos that this one is no duplicate of."""
    cursor = connection.execute(
        "SELECT reference_video_id FROM match_decisions WHERE video_id = %s", (video_id,)
    )
    return frozenset(row["reference_video_id"] for row in cursor.fetchall())
