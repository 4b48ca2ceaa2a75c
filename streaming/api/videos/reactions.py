"""`/v1/videos/{video_id}/reaction`: like or dislike, one for each account and video."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request

from schemas.errors import NotFoundError
from streaming.accounts.caller import LoggedIn
from streaming.api.videos.videos import VideoId, permitted
from streaming.serving.database import Database
from streaming.serving.fields import Body

router = APIRouter(tags=["videos"])

# One statement: whoever comes second, from wherever, changes the one row that there is. A video that is deleted in this
# moment gets none.
PUT = """
    INSERT INTO reactions (video_id, user_id, kind, created)
    SELECT video_id, %s, %s, %s FROM videos WHERE video_id = %s
    ON CONFLICT (video_id, user_id) DO UPDATE SET kind = excluded.kind, created = excluded.created
    WHERE reactions.kind <> excluded.kind
"""


class Reaction(Body):
    """What somebody thinks of a video."""

    kind: Literal["like", "dislike"]


@router.put("/v1/videos/{video_id}/reaction")
async def react(video_id: VideoId, body: Reaction, request: Request, caller: LoggedIn) -> Reaction:
    """Like or dislike a video; it replaces what was there."""
    await permitted(request, caller, video_id, "react")
    database: Database = request.app.state.database
    await database.write(PUT, (caller.user_id, body.kind, datetime.now(UTC), video_id))
    return body


@router.get("/v1/videos/{video_id}/reaction")
async def show(video_id: VideoId, request: Request, caller: LoggedIn) -> Reaction:
    """The own reaction; 404 where there is none."""
    await permitted(request, caller, video_id, "read")
    database: Database = request.app.state.database
    row = await database.one(
        "SELECT kind FROM reactions WHERE video_id = %s AND user_id = %s", (video_id, caller.user_id)
    )
    if row is None:
        raise NotFoundError("no reaction")
    return Reaction(kind=row["kind"])


@router.delete("/v1/videos/{video_id}/reaction", status_code=HTTPStatus.NO_CONTENT)
async def take_back(video_id: VideoId, request: Request, caller: LoggedIn) -> None:
    """Take the own reaction back, where there is one."""
    await permitted(request, caller, video_id, "react")
    database: Database = request.app.state.database
    await database.write(
        "DELETE FROM reactions WHERE video_id = %s AND user_id = %s", (video_id, caller.user_id)
    )
