"""Access to media: looked up in PostgreSQL for each package, thumbnail and link, and cached briefly.

Take-downs, visibility changes and revoked shares take effect within `CACHED_S`.
Tests: tests/streaming/api/videos/test_media.py, tests/streaming/api/videos/test_shares.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import Request

from schemas.errors import NotFoundError
from streaming.accounts.authorization import find_relations, is_allowed
from streaming.accounts.caller import Caller
from streaming.api.videos.catalog import find_state
from streaming.api.videos.media_links import Grant
from streaming.serving.database import Database, Row

CACHED_S = 3.0
"""The documented bound is 5 s."""
CACHED = 10_000

_ROW = "video_id, status, visibility, uploader_id, package, thumbnail_url"
_PUBLIC = "SELECT 1 AS shown FROM videos WHERE {} = %s AND status = 'ready' AND visibility = 'public' LIMIT 1"
PUBLIC_PACKAGE = _PUBLIC.format("package")
PUBLIC_THUMBNAIL = _PUBLIC.format("thumbnail_url")
USER_GRANT = f"SELECT {_ROW} FROM videos WHERE video_id = %s"
SHARE_GRANT = f"""SELECT {_ROW}, sharer_id FROM videos JOIN (
    SELECT video_id, user_id AS sharer_id FROM shares WHERE share_id = %s) AS share USING (video_id)
    WHERE video_id = %s"""


class MediaAccess:
    """Lookups with a cache of this process. Raises DependencyError if PostgreSQL is unavailable."""

    def __init__(self, database: Database, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock_s = database, clock_s
        self._cached: dict[tuple[str, ...], tuple[float, Row | None]] = {}

    async def is_public_package(self, digest: str) -> bool:
        """Whether a public, ready video has this package."""
        return await self._read(PUBLIC_PACKAGE, digest) is not None

    async def is_public_thumbnail(self, name: str) -> bool:
        """Whether a public, ready video has this thumbnail."""
        return await self._read(PUBLIC_THUMBNAIL, f"/media/thumbnails/{name}") is not None

    async def read_granted(self, grant: Grant) -> Row:
        """The row of the ready video of a grant. Raises NotFoundError if the grant no longer holds."""
        if grant.kind == "share":
            row = await self._read(SHARE_GRANT, grant.holder_id, grant.video_id)
            holds = row is not None and is_permitted(row, row["sharer_id"], "share")
        else:
            row = await self._read(USER_GRANT, grant.video_id)
            holds = row is not None and is_permitted(row, grant.holder_id, "read")
        if row is None or not holds or row["status"] != "ready":
            raise NotFoundError("This link is no longer valid.")
        return row

    async def _read(self, query: str, *parameters: str) -> Row | None:
        """The first row of a query, at most `CACHED_S` old; absence is cached too."""
        key = (query, *parameters)
        now_s = self._clock_s()
        cached = self._cached.get(key)
        if cached is not None and now_s - cached[0] < CACHED_S:
            return cached[1]
        row = await self._database.one(query, parameters)
        # Its age counts from before the query. The oldest entries are evicted first.
        self._cached.pop(key, None)
        while len(self._cached) >= CACHED:
            del self._cached[next(iter(self._cached))]
        self._cached[key] = (now_s, row)
        return row


def is_permitted(row: Row, user_id: str, action: str) -> bool:
    """Whether an account may do this with a video now."""
    relations = find_relations(Caller(user_id), row["uploader_id"])
    return is_allowed("video", find_state(row["status"], row["visibility"]), action, relations)


async def get_media_access(request: Request) -> MediaAccess:
    """The application's access to media."""
    media_access: MediaAccess = request.app.state.media_access
    return media_access
