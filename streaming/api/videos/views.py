"""`/v1/videos/{video_id}/views`: real playback, told by the client, counted once for each session."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from schemas.errors import NotFoundError
from streaming.accounts.caller import LoggedIn
from streaming.accounts.idempotency import Answer, OnceOnly
from streaming.api.videos.videos import VideoId, permitted
from streaming.serving.database import Connection
from streaming.serving.fields import Body, Identifier

router = APIRouter(tags=["videos"])

PUT = b"""
    WITH there AS (SELECT video_id FROM videos WHERE video_id = %s), told AS (
        INSERT INTO views (video_id, user_id, session_id, watched_s, created)
        SELECT video_id, %s, %s, %s, %s FROM there
        ON CONFLICT (video_id, user_id, session_id) DO UPDATE SET watched_s = excluded.watched_s
        WHERE excluded.watched_s > views.watched_s
        RETURNING watched_s, created = %s AS first
    )
    SELECT (SELECT count(*) FROM there) AS videos, (SELECT watched_s FROM told) AS watched_s,
        (SELECT first FROM told) AS first
"""


class NewView(Body):
    """Playback that really happened."""

    session_id: Identifier
    watched_s: Annotated[float, Field(gt=0, le=1_000_000)]


class View(NewView):
    """What is held of a session: the longest time that was told."""

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
    video_id: VideoId, body: NewView, request: Request, caller: LoggedIn, once: OnceOnly
) -> Response:
    """Tell that the video was watched. One view for each session; the longest time is kept."""
    await permitted(request, caller, video_id, "view")

    now = datetime.now(UTC)

    async def work(connection: Connection) -> Answer:
        values = (video_id, caller.user_id, body.session_id, body.watched_s, now, now)
        told = await (await connection.execute(PUT, values)).fetchone()
        if told is None or not told["videos"]:
            raise NotFoundError("no such video")
        longest_s = told["watched_s"]
        if longest_s is None:
            longest_s = await _held(connection, video_id, caller.user_id, body.session_id)
        view = View(video_id=video_id, session_id=body.session_id, watched_s=longest_s or body.watched_s)
        return Answer(view, status=HTTPStatus.CREATED if told["first"] else HTTPStatus.OK)

    return await once(work)


async def _held(connection: Connection, *key: str) -> float | None:
    cursor = await connection.execute(
        "SELECT watched_s FROM views WHERE video_id = %s AND user_id = %s AND session_id = %s", key
    )
    row = await cursor.fetchone()
    return float(row["watched_s"]) if row else None
