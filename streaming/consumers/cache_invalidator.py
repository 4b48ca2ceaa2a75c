"""Invalidator of caches: what API servers keep of a video is forgotten once people have said something about it.

A consumer of the outbox. Changes of the video's own row are told by PostgreSQL itself, in the transaction; what hangs
on a video is told here, so that a server that did not write a comment shows it before its own patience ends.
"""

from __future__ import annotations

import json
from typing import ClassVar

from schemas.channels import VIDEO_CHANGED
from stores.outbox.reader import Event, handle_events
from stores.postgres import Connection

CONSUMER = "cache-invalidator"
TABLES = ("comments",)


class CacheInvalidator:
    """Tells servers what they must read anew. Told twice is told once."""

    name: ClassVar[str] = CONSUMER
    every_s: ClassVar[float] = 0.5

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def consume(self) -> int:
        """Handle what is settled; returns how many events."""
        return handle_events(self._connection, CONSUMER, TABLES, self._handle)

    def _handle(self, event: Event) -> None:
        # A deletion carries no more than the comment's key: servers forget that one when their patience ends.
        if video_id := json.loads(event["row"]).get("video_id"):
            self._connection.execute("SELECT pg_notify(%s, %s)", (VIDEO_CHANGED.name, video_id))
            self._connection.commit()
