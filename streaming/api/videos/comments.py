"""`/v1/videos/{video_id}/comments`: what people say about a video, the newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from schemas.errors import NotFoundError
from schemas.ids import new_id
from schemas.rows import IDENTIFIER
from streaming.accounts.authorization import allows, relations, require
from streaming.accounts.caller import HOOK, LoggedIn
from streaming.accounts.idempotency import Answer, OnceOnly
from streaming.api.videos.read_cache import KeptReads
from streaming.api.videos.videos import VideoId, existing_video, permitted
from streaming.serving import pagination
from streaming.serving.database import Connection, Database
from streaming.serving.fields import Body, Words
from streaming.serving.openapi import ANYONE_OR_TOKEN
from streaming.serving.plain_route import PlainRoute, path_parameter

router = APIRouter(tags=["videos"])
plain = APIRouter(tags=["videos"], route_class=PlainRoute)

PAGE = """
    SELECT comment_id, video_id, c.user_id, u.user_name, text, creation_time
    FROM comments c LEFT JOIN users u ON u.user_id = c.user_id
    WHERE video_id = %s AND (%s::timestamptz IS NULL OR (creation_time, comment_id) < (%s, %s))
    ORDER BY creation_time DESC, comment_id DESC LIMIT %s
"""


class NewComment(Body):
    """Something to say."""

    text: Words


class Comment(BaseModel):
    """Something that was said. Who has left has no name any more."""

    comment_id: str
    video_id: str
    user_id: str
    user_name: str | None
    text: str
    creation_time: datetime


class Comments(BaseModel):
    """A page of comments."""

    items: list[Comment]
    next_cursor: str | None


@plain.get(
    "/v1/videos/{video_id}/comments",
    response_model=Comments,
    openapi_extra={"parameters": [path_parameter("video_id"), *pagination.PARAMETERS], **ANYONE_OR_TOKEN},
)
async def page(request: Request) -> Response:
    """The comments on a video, the newest first."""
    video_id, caller = request.path_params["video_id"], request.scope[HOOK]
    database: Database = request.app.state.database
    stale = caller.user_id is None and database.has_replica
    await permitted(request, caller, video_id, "read", stale=stale)
    limit, cursor = pagination.asked(request)

    async def read() -> bytes:
        after, after_id = pagination.read(cursor, pagination.time, str) if cursor else (None, None)
        key = (video_id, after, after, after_id, limit + 1)
        rows = await database.all(PAGE, key, stale=stale)
        items, next_cursor = pagination.page(rows, limit, "creation_time", "comment_id")
        return orjson.dumps({"items": items, "next_cursor": next_cursor}, option=orjson.OPT_UTC_Z)

    kept: KeptReads = request.app.state.kept_reads
    told = await kept.get(video_id, ("comments", stale, limit, cursor), read)
    return Response(told, media_type="application/json")


@router.post("/v1/videos/{video_id}/comments", status_code=HTTPStatus.CREATED, response_model=Comment)
async def say(
    video_id: VideoId, body: NewComment, request: Request, caller: LoggedIn, once: OnceOnly
) -> Response:
    """Comment on a video."""
    await permitted(request, caller, video_id, "comment")
    comment_id, now = new_id(), datetime.now(UTC)

    async def work(connection: Connection) -> Answer:
        cursor = await connection.execute(
            """INSERT INTO comments (comment_id, video_id, user_id, text, creation_time)
               SELECT %s, video_id, user_id, %s, %s FROM videos, users WHERE video_id = %s AND user_id = %s
               RETURNING (SELECT user_name FROM users WHERE user_id = %s) AS user_name""",
            (comment_id, body.text, now, video_id, caller.user_id, caller.user_id),
        )
        made = await cursor.fetchone()
        if made is None:
            raise NotFoundError("no such video")
        comment = Comment(
            comment_id=comment_id,
            video_id=video_id,
            user_id=caller.user_id,
            user_name=made["user_name"],
            text=body.text,
            creation_time=now,
        )
        return Answer(comment, headers={"Location": f"/v1/videos/{video_id}/comments/{comment_id}"})

    answer = await once(work)
    request.app.state.kept_reads.forget(video_id)
    return answer


@router.delete("/v1/videos/{video_id}/comments/{comment_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(
    video_id: VideoId,
    comment_id: Annotated[str, Path(max_length=64)],
    request: Request,
    caller: LoggedIn,
) -> None:
    """Delete a comment: its author may, and the video's uploader."""
    video = await existing_video(request, video_id)
    database: Database = request.app.state.database
    row = None
    if IDENTIFIER.fullmatch(comment_id):
        row = await database.one(
            "SELECT user_id FROM comments WHERE comment_id = %s AND video_id = %s", (comment_id, video_id)
        )
    author_id = row["user_id"] if row else None
    held = relations(caller, author_id, host_id=video.uploader_id)
    # Who wrote it may take it back, also from a video that they do not see any more.
    if author_id is None or not allows("comment", "there", "delete", held):
        require("video", video.state, "read", relations(caller, video.uploader_id))
    if author_id is None:
        raise NotFoundError("no such comment")
    require("comment", "there", "delete", held)
    await database.write("DELETE FROM comments WHERE comment_id = %s", (comment_id,))
    request.app.state.kept_reads.forget(video_id)
