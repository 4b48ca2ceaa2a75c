"""`/v1/videos/{video_id}`: a video as its uploader and others see it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, NamedTuple

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, model_validator

from schemas.errors import NotFoundError
from schemas.rows import IDENTIFIER
from streaming.accounts.authorization import relations, require, video_state
from streaming.accounts.caller import HOOK, Caller, LoggedIn
from streaming.api.videos.erasure import erase_videos
from streaming.api.videos.media_links import Grant, Links, public_links, signed_links
from streaming.api.videos.read_cache import KeptReads
from streaming.serving.conditional import not_modified
from streaming.serving.database import Database, Row
from streaming.serving.fields import Body, Description, Title, Visibility
from streaming.serving.openapi import ANYONE_OR_TOKEN
from streaming.serving.plain_route import PlainRoute, path_parameter

router = APIRouter(tags=["videos"])
plain = APIRouter(tags=["videos"], route_class=PlainRoute)

VideoId = Annotated[str, Path(max_length=64)]
COLUMNS = """video_id, title, description, size_bytes, thumbnail_url, uploader_id, likes, dislikes, views, status,
    reasons, visibility, sha256, duration_s, created, package"""


class Told(NamedTuple):
    """An answer as it goes out."""

    body: bytes
    etag: str


@dataclass(frozen=True)
class Video:
    """A video's row, and which rows of the table of permissions hold for it."""

    row: Row
    state: str

    @property
    def uploader_id(self) -> str:
        """Who brought it."""
        return str(self.row["uploader_id"])

    @property
    def public(self) -> bool:
        """Whether anybody may see it."""
        return self.state == "public"

    def links(self, user_id: str | None) -> Links:
        """Where its media are, for this account: plain while anybody may have them, else signed for it alone."""
        if self.public or user_id is None:
            return public_links(self.row)
        return signed_links(self.row, Grant("user", user_id, self.row["video_id"]), time.time())

    def told(self, user_id: str | None) -> Told:
        """What this account is told of it: of a public video all are told the same."""
        return self._told_to_all if self.public else _told(self.row, self.links(user_id))

    @cached_property
    def _told_to_all(self) -> Told:
        return _told(self.row, public_links(self.row))


class Playback(BaseModel):
    """Where players find it."""

    hls: str
    dash: str


class VideoAnswer(BaseModel):
    """A video."""

    video_id: str
    title: str
    description: str | None
    size_bytes: int | None
    thumbnail_url: str | None
    uploader_id: str
    likes: int
    dislikes: int
    views: int
    status: str
    reasons: list[str]
    visibility: str
    sha256: str | None
    duration_s: float | None
    created: datetime
    playback: Playback | None


class VideoChange(Body):
    """What an uploader may change; what is left out stays, and an empty description is none."""

    title: Title | None = None
    description: Description | None = None
    visibility: Visibility | None = None

    @model_validator(mode="after")
    def _no_null(self) -> VideoChange:
        for name in ("title", "visibility"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} may be left out, and not be null")
        return self


@plain.get(
    "/v1/videos/{video_id}",
    response_model=VideoAnswer,
    openapi_extra={"parameters": [path_parameter("video_id")], **ANYONE_OR_TOKEN},
    responses={304: {"description": "It is as you have it (If-None-Match)."}},
)
async def show(request: Request) -> Response:
    """A video. Who is not logged in sees public ones."""
    caller: Caller = request.scope[HOOK]
    stale = caller.user_id is None and request.app.state.database.has_replica
    video = await permitted(request, caller, request.path_params["video_id"], "read", stale=stale)
    told = video.told(caller.user_id)
    headers = {"ETag": told.etag}
    if not_modified(request, told.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(told.body, headers=headers, media_type="application/json")


@router.patch("/v1/videos/{video_id}", response_model=VideoAnswer)
async def change(video_id: VideoId, body: VideoChange, request: Request, caller: LoggedIn) -> Response:
    """Change the own video's title, description or visibility."""
    await permitted(request, caller, video_id, "edit")
    values = body.model_dump(exclude_unset=True)
    if "description" in values:
        values["description"] = values["description"] or None
    if values:
        sets = ", ".join(f"{name} = %s" for name in values)
        database: Database = request.app.state.database
        # A take-down that came in between stays.
        await database.write(
            f"UPDATE videos SET {sets} WHERE video_id = %s AND status <> 'removed'",
            (*values.values(), video_id),
        )
        request.app.state.kept_reads.forget(video_id)
    video = await existing_video(request, video_id)
    told = video.told(caller.user_id)
    return Response(told.body, media_type="application/json")


@router.delete("/v1/videos/{video_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete(video_id: VideoId, request: Request, caller: LoggedIn) -> None:
    """Delete the own video, and all that people did with it."""
    await permitted(request, caller, video_id, "delete")
    async with request.app.state.database.transaction() as connection:
        await erase_videos(connection, [video_id])
    request.app.state.kept_reads.forget(video_id)


async def existing_video(request: Request, video_id: str, *, stale: bool = False) -> Video:
    """A video that may be a moment old where another server has changed it. Raises NotFoundError.

    `stale`: a replica may answer. What it says is kept apart: who is logged in reads what they wrote.
    """
    if not IDENTIFIER.fullmatch(video_id):
        raise NotFoundError("no such video")
    database: Database = request.app.state.database

    async def read() -> Video | None:
        row = await database.one(
            f"SELECT {COLUMNS} FROM videos WHERE video_id = %s", (video_id,), stale=stale
        )
        return None if row is None else Video(row, video_state(row["status"], row["visibility"]))

    kept: KeptReads = request.app.state.kept_reads
    video = await kept.get(video_id, ("row", stale), read)
    if video is None:
        raise NotFoundError("no such video")
    return video


async def permitted(
    request: Request, caller: Caller, video_id: str, action: str, *, stale: bool = False
) -> Video:
    """A video with which the caller may do this. Raises LogInError, ForbiddenError, NotFoundError."""
    video = await existing_video(request, video_id, stale=stale)
    require("video", video.state, action, relations(caller, video.uploader_id))
    return video


def _told(row: Row, links: Links) -> Told:
    body = orjson.dumps(
        {
            **{name: row[name] for name in _AS_IT_IS},
            "thumbnail_url": links.thumbnail_url,
            "playback": links.playback._asdict() if links.playback else None,
        },
        option=orjson.OPT_UTC_Z,
    )
    return Told(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


_AS_IT_IS = [name for name in VideoAnswer.model_fields if name not in ("thumbnail_url", "playback")]
