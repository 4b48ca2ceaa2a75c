"""What the API knows of a video: its row in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread

from schemas.rows import IDENTIFIER
from stores.outbox import find
from stores.postgres import connect

CONNECTIONS = 8
"""How many rows are read at a time; more requests wait their turn."""


@dataclass(frozen=True)
class Playback:
    """Where players find a video."""

    hls: str
    dash: str


@dataclass(frozen=True)
class Video:
    """The part of a video's row that its page shows."""

    video_id: str
    title: str
    description: str | None
    status: str
    reasons: tuple[str, ...]
    duplicate_of: str | None
    thumbnail_url: str | None
    package: str | None

    @property
    def playback(self) -> Playback | None:
        """The manifests of a ready video; None while there is nothing to play."""
        if self.status != "ready" or self.package is None:
            return None
        folder = f"/media/packages/{self.package}"
        return Playback(hls=f"{folder}/master.m3u8", dash=f"{folder}/manifest.mpd")


class Videos:
    """Reads videos, a connection each, in threads."""

    def __init__(self, connections: int = CONNECTIONS) -> None:
        self._limiter = CapacityLimiter(connections)

    async def find(self, video_id: str) -> Video | None:
        """The video that anyone may see, or None: unknown, or private. Raises DependencyError without PostgreSQL."""
        if not IDENTIFIER.fullmatch(video_id):
            return None
        return await to_thread.run_sync(_find, video_id, limiter=self._limiter)


def _find(video_id: str) -> Video | None:
    with connect() as connection:
        row = find(connection, "videos", {"video_id": video_id})
    if row is None or row["visibility"] == "private":
        return None
    return Video(
        video_id=row["video_id"],
        title=row["title"],
        description=row["description"],
        status=row["status"],
        reasons=tuple(row["reasons"]),
        duplicate_of=row["duplicate_of"],
        thumbnail_url=row["thumbnail_url"],
        package=row["package"],
    )
