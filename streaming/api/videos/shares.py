"""`/v1/videos/{video_id}/shares`: links by which anyone may watch a video for a while."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from schemas.errors import NotFoundError
from schemas.ids import new_id
from schemas.rows import IDENTIFIER
from schemas.settings import settings
from streaming.accounts.authorization import relations, require
from streaming.accounts.caller import LoggedIn
from streaming.accounts.idempotency import Answer, OnceOnly
from streaming.api.videos.videos import VideoId, existing_video, permitted
from streaming.serving.database import Connection, Database
from streaming.serving.fields import Body
from streaming.serving.signed_tokens import sealed

router = APIRouter(tags=["videos"])

PURPOSE = "share"
LONGEST_S = 100_000_000


class NewShare(Body):
    """For how long a link shall work."""

    expires_in_s: Annotated[float, Field(ge=1, le=LONGEST_S)]


class Share(BaseModel):
    """A link."""

    share_id: str
    url: str
    expires: datetime


@router.post("/v1/videos/{video_id}/shares", status_code=HTTPStatus.CREATED, response_model=Share)
async def share(
    video_id: VideoId, body: NewShare, request: Request, caller: LoggedIn, once: OnceOnly
) -> Response:
    """Make a link by which anyone may watch the video until it expires or is taken back."""
    await permitted(request, caller, video_id, "share")
    share_id = new_id()
    expires_s = int(time.time() + body.expires_in_s)
    expires = datetime.fromtimestamp(expires_s, UTC)

    async def work(connection: Connection) -> Answer:
        cursor = await connection.execute(
            """INSERT INTO shares (share_id, video_id, user_id, expires, created)
               SELECT %s, video_id, %s, %s, %s FROM videos WHERE video_id = %s RETURNING share_id""",
            (share_id, caller.user_id, expires, datetime.now(UTC), video_id),
        )
        if await cursor.fetchone() is None:
            raise NotFoundError("no such video")
        url = f"{origin(request)}/s/{sealed(PURPOSE, share_id, expires_s)}"
        headers = {"Location": f"/v1/videos/{video_id}/shares/{share_id}"}
        return Answer(Share(share_id=share_id, url=url, expires=expires), headers=headers)

    return await once(work)


@router.delete("/v1/videos/{video_id}/shares/{share_id}", status_code=HTTPStatus.NO_CONTENT)
async def take_back(
    video_id: VideoId,
    share_id: Annotated[str, Path(max_length=64)],
    request: Request,
    caller: LoggedIn,
) -> None:
    """Take a link back: who made it may, and the video's uploader. It does not work any more."""
    database: Database = request.app.state.database
    row = None
    if IDENTIFIER.fullmatch(share_id) and IDENTIFIER.fullmatch(video_id):
        row = await database.one(
            "SELECT user_id FROM shares WHERE share_id = %s AND video_id = %s", (share_id, video_id)
        )
    if row is None:
        raise NotFoundError("no such share")
    video = await existing_video(request, video_id)
    held = relations(caller, row["user_id"], host_id=video.uploader_id)
    require("share", "there", "delete", held)
    await database.write("DELETE FROM shares WHERE share_id = %s", (share_id,))


def origin(request: Request) -> str:
    """Under which address people reach this server: NEWSREEL_PUBLIC_URL, or the one that was asked."""
    return (settings().public_url or str(request.base_url)).rstrip("/")
