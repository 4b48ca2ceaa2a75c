"""Stopping a video on its way: first nothing more can be written for it, then what works on it is ended."""

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
"""The reason that a cancelled video's row gives (interfaces.md, `status`)."""


def cancel(video_id: str, say: Say) -> dict[str, Any]:
    """Stop a video; its row as it is then: `failed`, reason `cancelled`, or as it was where its answer is final.

    A publish that commits first wins, one that comes later is refused. `newsreel retry` goes on where it was.
    Raises NotFoundError where there is no such video,
    ConflictError where it was published in this moment.
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
                raise ConflictError(f"video {video_id} came to its end just now; `newsreel runs` says how")
            upsert_row(connection, "videos", {"video_id": video_id}, values)
        if end_runs(settings().home, video_id):
            say("what worked on it has ended")
        mark_lost({"video_id": video_id}, detail=CANCELLED)
    return {**row, **values}
