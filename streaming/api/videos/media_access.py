"""Which media may be served now: asked of PostgreSQL for each package, thumbnail and link, and remembered for a moment.

What is taken down, made private or taken back is served no more within `REMEMBERED_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.errors import NotFoundError
from streaming.accounts.authorization import allows, relations, video_state
from streaming.accounts.caller import Caller
from streaming.api.videos.media_links import Grant
from streaming.serving.database import Database, Row

REMEMBERED_S = 3.0
"""Promised: 5 s."""
REMEMBERED = 10_000

_ROW = "video_id, status, visibility, uploader_id, package, thumbnail_url"
_PUBLIC = "SELECT 1 AS shown FROM videos WHERE {} = %s AND status = 'ready' AND visibility = 'public' LIMIT 1"
PUBLIC_PACKAGE = _PUBLIC.format("package")
PUBLIC_THUMBNAIL = _PUBLIC.format("thumbnail_url")
OF_USER = f"SELECT {_ROW} FROM videos WHERE video_id = %s"
OF_SHARE = f"""SELECT {_ROW}, sharer_id FROM videos JOIN (
    SELECT video_id, user_id AS sharer_id FROM shares WHERE share_id = %s) AS share USING (video_id)
    WHERE video_id = %s"""


class MediaAccess:
    """What one process knows of it. Raises DependencyError where PostgreSQL does not answer."""

    def __init__(self, database: Database, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock_s = database, clock_s
        self._known: dict[tuple[str, ...], tuple[float, Row | None]] = {}

    async def public_package(self, digest: str) -> bool:
        """Whether a public, ready video plays this package."""
        return await self._row(PUBLIC_PACKAGE, digest) is not None

    async def public_thumbnail(self, name: str) -> bool:
        """Whether a public, ready video shows this picture."""
        return await self._row(PUBLIC_THUMBNAIL, f"/media/thumbnails/{name}") is not None

    async def granted(self, grant: Grant) -> Row:
        """The row of the ready video whose media a grant opens. Raises NotFoundError where it opens none any more."""
        if grant.kind == "share":
            row = await self._row(OF_SHARE, grant.holder_id, grant.video_id)
            good = row is not None and may(row, row["sharer_id"], "share")
        else:
            row = await self._row(OF_USER, grant.video_id)
            good = row is not None and may(row, grant.holder_id, "read")
        if row is None or not good or row["status"] != "ready":
            raise NotFoundError("this link opens nothing any more")
        return row

    async def _row(self, query: str, *parameters: str) -> Row | None:
        """The first row of a query, at most `REMEMBERED_S` old; that there is none is remembered too."""
        key = (query, *parameters)
        now_s = self._clock_s()
        found = self._known.get(key)
        if found is not None and now_s - found[0] < REMEMBERED_S:
            return found[1]
        row = await self._database.one(query, parameters)
        # As old as the question: the answer may be older than now. The oldest go first.
        self._known.pop(key, None)
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = (now_s, row)
        return row


def may(row: Row, user_id: str, action: str) -> bool:
    """Whether an account may do this with a video now."""
    held = relations(Caller(user_id), row["uploader_id"])
    return allows("video", video_state(row["status"], row["visibility"]), action, held)
