"""Cache invalidator: outbox consumer that invalidates the API servers' caches of a video when its comments change.

Changes to the video's own row are announced by triggers, in their transaction. Changes to its comments are announced
here, so that servers which did not write them show them before their cache expires.
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
    """Notifies API servers of videos to invalidate; idempotent."""

    name: ClassVar[str] = CONSUMER
    every_s: ClassVar[float] = 0.5

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def consume(self) -> int:
        """Handle the settled events; returns how many."""
        return handle_events(self._connection, CONSUMER, TABLES, self._handle)

    def _handle(self, event: Event) -> None:
        # A deletion's event has only the comment's key: for it, caches expire by age.
        if video_id := json.loads(event["row"]).get("video_id"):
            self._connection.execute("SELECT pg_notify(%s, %s)", (VIDEO_CHANGED.name, video_id))
            self._connection.commit()
