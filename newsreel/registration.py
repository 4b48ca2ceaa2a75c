"""Bringing a file in from the command line: who brings it, under which id, and where it stands."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.errors import InputError, NotFoundError
from schemas.tables.videos import FINAL_STATUSES
from stores.delta import Lake
from stores.media import MediaStore
from stores.outbox import change, find
from stores.postgres import Connection

NAMESPACE = uuid.UUID("6f1c3f0e-6d1c-5b7e-9f0e-2b6d3c1a7e55")
"""Of all ids that are made from their inputs (UUIDv5, RFC 9562 section 5.5)."""
TITLE_CHARACTERS = 500


@dataclass(frozen=True)
class Registration:
    """A video that was brought, and the digest of its bytes."""

    video_id: str
    sha256: str


def user_id(user_name: str) -> str:
    """The id of an account made from the command line."""
    return str(uuid.uuid5(NAMESPACE, f"user/{user_name}"))


def video_id(user_name: str, sha256: str) -> str:
    """The id of a video brought from the command line: the same bytes by the same user are the same video."""
    return str(uuid.uuid5(NAMESPACE, f"video/{user_id(user_name)}/{sha256}"))


def register(
    connection: Connection, media: MediaStore, path: Path, title: str, user_name: str
) -> Registration:
    """Copy a file into the media store and record its video, `inspecting`, where it is new.

    The same bytes by the same user are the same video. Raises InputError where the file cannot be read.
    """
    if not user_name.strip():
        raise InputError("--user: a user name is needed")
    if not title.strip() or len(title) > TITLE_CHARACTERS:
        raise InputError(f"--title: 1 to {TITLE_CHARACTERS} characters are needed")
    source = media.add_source(path)
    uploader = user_id(user_name)
    identity = video_id(user_name, source.sha256)
    now = datetime.now(UTC)
    with connection.transaction():
        if find(connection, "users", {"user_id": uploader}) is None:
            change(connection, "users", {"user_id": uploader}, {"user_name": user_name, "created": now})
        row = find(connection, "videos", {"video_id": identity}, lock=True)
        if row is None:
            change(
                connection,
                "videos",
                {"video_id": identity},
                {
                    "title": title,
                    "uploader_id": uploader,
                    "size_bytes": source.size_bytes,
                    "sha256": source.sha256,
                    "status": "inspecting",
                    "created": now,
                },
            )
    return Registration(identity, source.sha256)


def existing_video(connection: Connection, video: str, *, lock: bool = False) -> dict[str, Any]:
    """The live row of a video that somebody named. Raises NotFoundError."""
    row = find(connection, "videos", {"video_id": video}, lock=lock)
    if row is None:
        raise NotFoundError(f"no video {video!r}; `newsreel runs` lists the latest")
    return row


def take_up(connection: Connection, video: str) -> bool:
    """Whether a video's answer is final; one that failed is on its way again. Raises NotFoundError."""
    with connection.transaction():
        row = existing_video(connection, video, lock=True)
        if row["status"] == "failed":
            change(connection, "videos", {"video_id": video}, {"status": "inspecting", "reasons": []})
        return row["status"] in FINAL_STATUSES


def next_run_id(lake: Lake, video: str, known: Iterable[str] = ()) -> str:
    """`<video_id>-<attempt>` for the next run of a video: one more than the highest that is known or left a record."""
    recorded = lake.read("pipeline_runs", columns=["run_id"], where={"video_id": video}).column("run_id")
    runs = [run.rpartition("-") for run in (*recorded.to_pylist(), *known)]
    attempts = [int(number) for named, _, number in runs if named == video and number.isdigit()]
    return f"{video}-{max(attempts, default=0) + 1}"
