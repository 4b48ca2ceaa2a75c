"""What media may be served: files of packages and thumbnails that some ready video shows."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

from streaming.api.database import Database

KEPT_S = 5.0
"""By when a take-down, or a video that is public no more, has reached its media. A segment costs no query meanwhile."""
KEPT = 20_000
Column = Literal["package", "thumbnail_url"]


class Published(NamedTuple):
    """Whether a ready video shows it, and a public one among them."""

    ready: bool
    public: bool


class PublishedMedia:
    """Asks PostgreSQL, and remembers for `KEPT_S`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], tuple[float, Published]] = {}

    async def of(self, column: Column, value: str) -> Published:
        """How a package or thumbnail is published now, or was a moment ago."""
        now_s = time.monotonic()
        known = self._known.get((column, value))
        if known is not None and known[0] > now_s:
            return known[1]
        row = await self._database.one(
            f"""SELECT count(*) > 0 AS ready, count(*) FILTER (WHERE visibility = 'public') > 0 AS public
                FROM videos WHERE {column} = %s AND status = 'ready'""",
            (value,),
        )
        found = Published(bool(row and row["ready"]), bool(row and row["public"]))
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[column, value] = (now_s + KEPT_S, found)
        return found
