"""Catalog of videos: reads them by id through the read cache, and checks what a caller may do with them.

Tests: tests/streaming/api/videos/test_videos.py, tests/streaming/accounts/test_authorization.py.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from schemas.errors import NotFoundError
from schemas.rows import IDENTIFIER
from streaming.accounts.authorization import find_relations, require
from streaming.accounts.caller import Caller
from streaming.api.videos.read_cache import ReadCache, get_read_cache
from streaming.api.videos.representation import Video
from streaming.serving.database import Database, get_database

VideoId = Annotated[str, Path(max_length=64)]
COLUMNS = """video_id, title, description, size_bytes, thumbnail_url, uploader_id, likes, dislikes, views, status,
    reasons, visibility, sha256, duration_s, created, package"""
_NO_VIDEO = "No such video."


class Catalog:
    """Videos of the database, cached."""

    def __init__(self, database: Database, cache: ReadCache) -> None:
        self._database, self._cache = database, cache

    async def read(self, video_id: str, *, stale: bool = False) -> Video:
        """A video; may lag a moment behind changes by other servers. Raises NotFoundError.

        `stale`: a replica may serve it. Its rows are cached separately: authenticated callers read their own writes.
        """
        if not IDENTIFIER.fullmatch(video_id):
            raise NotFoundError(_NO_VIDEO)

        async def read() -> Video | None:
            row = await self._database.one(
                f"SELECT {COLUMNS} FROM videos WHERE video_id = %s", (video_id,), stale=stale
            )
            return None if row is None else Video(row, find_state(row["status"], row["visibility"]))

        video = await self._cache.get(video_id, ("row", stale), read)
        if video is None:
            raise NotFoundError(_NO_VIDEO)
        return video

    async def authorize(self, caller: Caller, video_id: str, action: str, *, stale: bool = False) -> Video:
        """A video on which the caller may do this. Raises LogInError, ForbiddenError, NotFoundError."""
        video = await self.read(video_id, stale=stale)
        require("video", video.state, action, find_relations(caller, video.uploader_id))
        return video

    def invalidate(self, video_id: str) -> None:
        """Drop what is cached of a video that this process has changed."""
        self._cache.invalidate(video_id)


async def get_catalog(request: Request) -> Catalog:
    """The application's catalog."""
    return Catalog(await get_database(request), await get_read_cache(request))


CatalogDep = Annotated[Catalog, Depends(get_catalog)]


def find_state(status: str, visibility: str) -> str:
    """The state of a video in the table of permissions (schemas/permissions.py)."""
    if status == "ready":
        return visibility
    return "removed" if status == "removed" else "unready"
