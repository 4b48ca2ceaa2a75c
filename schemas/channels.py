"""NOTIFY channels of PostgreSQL: which deletions and updates each announces, by which trigger function.

The triggers are derived (`schemas.derive.sql.channel_triggers`). A listener must treat MANY as "any row of the table".
Tests: tests/stores/test_migrations.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MANY = "*"
"""Payload in place of the ids of a statement that changes more rows than `most_ids`."""


@dataclass(frozen=True)
class Channel:
    """One channel. Its payload is the value of `column` in the row as it was before the change."""

    name: str
    table: str
    column: str
    function: str
    """Trigger function that sends the notifications."""
    triggers: dict[str, Literal["UPDATE", "DELETE"]]
    """Triggers by name, and the operation that fires each."""
    most_ids: int | None = None
    """Ids that one statement announces one by one; above it, one MANY. None: the triggers fire for each row."""


SESSION_ENDED = Channel(
    name="session_ended",
    table="sessions",
    column="session_id",
    function="tell_ended_session",
    triggers={"tell_ended": "DELETE"},
)
VIDEO_CHANGED = Channel(
    name="video_changed",
    table="videos",
    column="video_id",
    function="tell_changed_videos",
    triggers={"tell_update": "UPDATE", "tell_delete": "DELETE"},
    most_ids=100,
)
CHANNELS = (SESSION_ENDED, VIDEO_CHANGED)
