"""`/v1/videos/{video_id}/comments`: comments on a video, newest first.

Tests: tests/streaming/api/videos/test_counters.py, tests/streaming/accounts/test_authorization.py.
"""

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
from streaming.accounts.authorization import find_relations, is_allowed, require
from streaming.accounts.caller import LoggedIn, get_caller
from streaming.accounts.idempotency import Answer, IdempotencyDep
from streaming.accounts.pair_lock import require_unblocked
from streaming.api.videos.catalog import CatalogDep, VideoId, get_catalog
from streaming.api.videos.read_cache import get_read_cache
from streaming.serving import pagination
from streaming.serving.database import Connection, DatabaseDep, get_database
from streaming.serving.fields import Body, LongText
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
    """A new comment."""

    text: LongText


class Comment(BaseModel):
    """A comment; `user_name` is null once its author's account is deleted."""

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
    """List the comments on a video, newest first."""
    video_id, caller = request.path_params["video_id"], await get_caller(request)
    database, catalog = await get_database(request), await get_catalog(request)
    cache = await get_read_cache(request)
    stale = caller.user_id is None and database.has_replica
    await catalog.authorize(caller, video_id, "read", stale=stale)
    limit, cursor = pagination.parse_parameters(request)

    async def read() -> bytes:
        after, after_id = (
            pagination.parse_cursor(cursor, pagination.parse_time, str) if cursor else (None, None)
        )
        key = (video_id, after, after, after_id, limit + 1)
        rows = await database.all(PAGE, key, stale=stale)
        items, next_cursor = pagination.split_page(rows, limit, "creation_time", "comment_id")
        return orjson.dumps({"items": items, "next_cursor": next_cursor}, option=orjson.OPT_UTC_Z)

    body = await cache.get(video_id, ("comments", stale, limit, cursor), read)
    return Response(body, media_type="application/json")


@router.post("/v1/videos/{video_id}/comments", status_code=HTTPStatus.CREATED, response_model=Comment)
async def say(
    video_id: VideoId, body: NewComment, caller: LoggedIn, catalog: CatalogDep, idempotency: IdempotencyDep
) -> Response:
    """Comment on a video; not on that of a user who has blocked the caller, or whom the caller has blocked."""
    video = await catalog.authorize(caller, video_id, "comment")
    comment_id, now = new_id(), datetime.now(UTC)

    async def work(connection: Connection) -> Answer:
        await require_unblocked(connection, caller.user_id, video.uploader_id)
        cursor = await connection.execute(
            """INSERT INTO comments (comment_id, video_id, user_id, text, creation_time)
               SELECT %s, video_id, user_id, %s, %s FROM videos, users WHERE video_id = %s AND user_id = %s
               RETURNING (SELECT user_name FROM users WHERE user_id = %s) AS user_name""",
            (comment_id, body.text, now, video_id, caller.user_id, caller.user_id),
        )
        inserted = await cursor.fetchone()
        if inserted is None:
            raise NotFoundError("No such video.")
        comment = Comment(
            comment_id=comment_id,
            video_id=video_id,
            user_id=caller.user_id,
            user_name=inserted["user_name"],
            text=body.text,
            creation_time=now,
        )
        return Answer(comment, headers={"Location": f"/v1/videos/{video_id}/comments/{comment_id}"})

    response = await idempotency.run(work)
    catalog.invalidate(video_id)
    return response


@router.delete("/v1/videos/{video_id}/comments/{comment_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(
    video_id: VideoId,
    comment_id: Annotated[str, Path(max_length=64)],
    caller: LoggedIn,
    catalog: CatalogDep,
    database: DatabaseDep,
) -> None:
    """Delete a comment: permitted to its author, the video's uploader and operators."""
    video = await catalog.read(video_id)
    row = None
    if IDENTIFIER.fullmatch(comment_id):
        row = await database.one(
            "SELECT user_id FROM comments WHERE comment_id = %s AND video_id = %s", (comment_id, video_id)
        )
    author_id = row["user_id"] if row else None
    relations = find_relations(caller, author_id, host_id=video.uploader_id)
    # Authors may delete their comments even from videos that they can no longer see.
    if author_id is None or not is_allowed("comment", "there", "delete", relations):
        require("video", video.state, "read", find_relations(caller, video.uploader_id))
    if author_id is None:
        raise NotFoundError("No such comment.")
    require("comment", "there", "delete", relations)
    await database.write("DELETE FROM comments WHERE comment_id = %s", (comment_id,))
    catalog.invalidate(video_id)
