"""`/v1/videos/{video_id}/views`: playback reported by clients, counted once per session.

Tests: tests/streaming/api/videos/test_counters.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from schemas.errors import NotFoundError
from streaming.accounts.caller import LoggedIn
from streaming.accounts.idempotency import Answer, IdempotencyDep
from streaming.api.videos.catalog import CatalogDep, VideoId
from streaming.serving.database import Connection
from streaming.serving.fields import Body, Identifier

router = APIRouter(tags=["videos"])

UPSERT = b"""
    WITH there AS (SELECT video_id FROM videos WHERE video_id = %s), upserted AS (
        INSERT INTO views (video_id, user_id, session_id, watched_s, created)
        SELECT video_id, %s, %s, %s, %s FROM there
        ON CONFLICT (video_id, user_id, session_id) DO UPDATE SET watched_s = excluded.watched_s
        WHERE excluded.watched_s > views.watched_s
        RETURNING watched_s, created = %s AS first
    )
    SELECT (SELECT count(*) FROM there) AS videos, (SELECT watched_s FROM upserted) AS watched_s,
        (SELECT first FROM upserted) AS first
"""


class NewView(Body):
    """Playback of a session."""

    session_id: Identifier
    watched_s: Annotated[float, Field(gt=0, le=1_000_000)]


class View(NewView):
    """A view; `watched_s` is the longest time reported for its session."""

    video_id: str


@router.post(
    "/v1/videos/{video_id}/views",
    status_code=HTTPStatus.CREATED,
    response_model=View,
    responses={
        200: {"model": View, "description": "The session was counted before; the longest time is kept."}
    },
)
async def watch(
    video_id: VideoId, body: NewView, caller: LoggedIn, catalog: CatalogDep, idempotency: IdempotencyDep
) -> Response:
    """Report playback. One view per session; the longest time is kept."""
    await catalog.authorize(caller, video_id, "view")
    now = datetime.now(UTC)

    async def work(connection: Connection) -> Answer:
        values = (video_id, caller.user_id, body.session_id, body.watched_s, now, now)
        upserted = await (await connection.execute(UPSERT, values)).fetchone()
        if upserted is None or not upserted["videos"]:
            raise NotFoundError("No such video.")
        longest_s = upserted["watched_s"]
        if longest_s is None:
            longest_s = await _read_watched_s(connection, video_id, caller.user_id, body.session_id)
        view = View(video_id=video_id, session_id=body.session_id, watched_s=longest_s or body.watched_s)
        return Answer(view, status=HTTPStatus.CREATED if upserted["first"] else HTTPStatus.OK)

    return await idempotency.run(work)


async def _read_watched_s(connection: Connection, *key: str) -> float | None:
    cursor = await connection.execute(
        "SELECT watched_s FROM views WHERE video_id = %s AND user_id = %s AND session_id = %s", key
    )
    row = await cursor.fetchone()
    return float(row["watched_s"]) if row else None
