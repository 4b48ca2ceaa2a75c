"""Cancellation of an ingest: its fence is revoked, so that no process can write for the video, then its runs are ended.

Tests: tests/e2e/test_kills.py.
"""

from __future__ import annotations

from typing import Any

from newsreel.embedded.servers import database
from newsreel.video_registration import get_video
from newsreel.video_runs import Say, end_runs
from schemas.errors import ConflictError
from schemas.settings import settings
from schemas.tables.videos import FINAL_STATUSES
from stores.fence import revoke
from stores.outbox import upsert_row
from stores.postgres import connect
from stores.stage import mark_lost

CANCELLED = "cancelled"
"""Reason in the row of a cancelled video."""


def cancel(video_id: str, say: Say) -> dict[str, Any]:
    """Cancel a video; returns its row: `failed`, reason `cancelled`, or unchanged where its answer is final.

    A publish that commits first wins, a later one is refused. `newsreel retry` continues where it was. Raises
    NotFoundError where there is no such video, ConflictError where it was published at the same moment.
    """
    with database():
        with connect() as connection:
            row = get_video(connection, video_id)
        if row["status"] in FINAL_STATUSES:
            return row
        values = {"status": "failed", "reasons": [CANCELLED]}
        with connect() as connection, connection.transaction():
            revoke(connection, f"video/{video_id}", CANCELLED)
            row = get_video(connection, video_id, lock=True)
            if row["status"] in FINAL_STATUSES:
                raise ConflictError(
                    f"video {video_id} has just reached its answer; see `newsreel runs {video_id}`"
                )
            upsert_row(connection, "videos", {"video_id": video_id}, values)
        if end_runs(settings().home, video_id):
            say("its runs have ended")
        mark_lost({"video_id": video_id}, detail=CANCELLED)
    return {**row, **values}
