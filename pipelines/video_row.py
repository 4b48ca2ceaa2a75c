"""The live row of a stage's video in PostgreSQL: read, locked, updated with its event.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import NotFoundError, StageError
from schemas.tables.videos import FINAL_STATUSES
from stores.fence import check_fence, connect_with_retry
from stores.outbox import find_row, upsert_row
from stores.postgres import Connection


def read_video(video_id: str) -> dict[str, Any]:
    """Read the row. Raises NotFoundError."""
    with connect_with_retry() as connection:
        return lock_video(connection, video_id)


def require_source_digest(row: Mapping[str, Any]) -> str:
    """Digest of the video's source file in the media store. Raises StageError if it has none: an imported row."""
    if row["sha256"] is None:
        raise StageError(
            f"video {row['video_id']} has no source file: its row was imported; add the file with `newsreel ingest`"
        )
    return str(row["sha256"])


def lock_video(connection: Connection, video_id: str) -> dict[str, Any]:
    """Read the row and lock it until the transaction ends. Raises NotFoundError."""
    row = find_row(connection, "videos", {"video_id": video_id}, lock=True)
    if row is None:
        raise NotFoundError(f"No such video: {video_id}.")
    return row


def update_video(video_id: str, values: dict[str, Any]) -> str:
    """Set columns and record the event in one transaction, unless the status is final; returns the status.

    Raises ConflictError if a newer attempt of this process's stage has taken over.
    """
    with connect_with_retry() as connection:
        check_fence(connection)
        row = lock_video(connection, video_id)
        if row["status"] in FINAL_STATUSES:
            return str(row["status"])
        upsert_row(connection, "videos", {"video_id": video_id}, values)
        return str(values.get("status", row["status"]))
