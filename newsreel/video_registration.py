"""Registration of a file from the command line: its account, its id, its row.

Tests: tests/e2e/test_main_job.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.errors import InputError, NotFoundError
from schemas.ids import derive_user_id, derive_video_id
from schemas.tables.videos import FINAL_STATUSES
from stores.media import MediaStore
from stores.outbox import find_row, upsert_row
from stores.postgres import Connection

TITLE_CHARACTERS = 500


@dataclass(frozen=True)
class Registration:
    """A registered video, and the digest of its bytes."""

    video_id: str
    sha256: str


def find_uploader(connection: Connection, user_name: str) -> str | None:
    """Find the id of the account of that name; None where there is none."""
    row = connection.execute("SELECT user_id FROM users WHERE user_name = %s", (user_name,)).fetchone()
    return row["user_id"] if row else None


def register(
    connection: Connection, media: MediaStore, path: Path, title: str, user_name: str
) -> Registration:
    """Copy a file into the media store and create the row of its video, `inspecting`, where it is new.

    The same bytes by the same user are the same video. Raises InputError where the file cannot be read.
    """
    if not user_name.strip():
        raise InputError("--user: the user name is empty")
    if not title.strip() or len(title) > TITLE_CHARACTERS:
        raise InputError(f"--title: must have 1 to {TITLE_CHARACTERS} characters")
    source = media.add_source(path)
    now = datetime.now(UTC)
    with connection.transaction():
        user_id = find_uploader(connection, user_name)
        if user_id is None:
            user_id = derive_user_id(user_name)
            upsert_row(connection, "users", {"user_id": user_id}, {"user_name": user_name, "created": now})
        video_id = derive_video_id(user_id, source.sha256)
        row = find_row(connection, "videos", {"video_id": video_id}, lock=True)
        if row is None:
            upsert_row(
                connection,
                "videos",
                {"video_id": video_id},
                {
                    "title": title,
                    "uploader_id": user_id,
                    "size_bytes": source.size_bytes,
                    "sha256": source.sha256,
                    "status": "inspecting",
                    "created": now,
                },
            )
    return Registration(video_id, source.sha256)


def get_video(connection: Connection, video: str, *, lock: bool = False) -> dict[str, Any]:
    """Read the live row of a video. Raises NotFoundError."""
    row = find_row(connection, "videos", {"video_id": video}, lock=lock)
    if row is None:
        raise NotFoundError(f"no such video: {video!r}; `newsreel runs` lists the latest")
    return row


def reopen(connection: Connection, video: str) -> bool:
    """Set a failed video back to `inspecting`; returns whether its answer is final. Raises NotFoundError."""
    with connection.transaction():
        row = get_video(connection, video, lock=True)
        if row["status"] == "failed":
            upsert_row(connection, "videos", {"video_id": video}, {"status": "inspecting", "reasons": []})
        return row["status"] in FINAL_STATUSES
