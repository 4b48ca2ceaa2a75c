"""`/v1/videos/{video_id}/shares`: expiring links by which anyone may watch a video."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from schemas.errors import NotFoundError
from schemas.ids import new_id
from schemas.rows import IDENTIFIER
from schemas.settings import settings
from streaming.accounts.authorization import find_relations, require
from streaming.accounts.caller import LoggedIn
from streaming.accounts.idempotency import Answer, IdempotencyDep
from streaming.api.videos.catalog import CatalogDep, VideoId
from streaming.serving.database import Connection, DatabaseDep
from streaming.serving.fields import Body
from streaming.serving.signed_tokens import sign

router = APIRouter(tags=["videos"])

PURPOSE = "share"
LONGEST_S = 100_000_000


class NewShare(Body):
    """Lifetime of a new link, in seconds."""

    expires_in_s: Annotated[float, Field(ge=1, le=LONGEST_S)]


class Share(BaseModel):
    """A share link."""

    share_id: str
    url: str
    expires: datetime


@router.post("/v1/videos/{video_id}/shares", status_code=HTTPStatus.CREATED, response_model=Share)
async def share(
    video_id: VideoId,
    body: NewShare,
    caller: LoggedIn,
    catalog: CatalogDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Create a link by which anyone may watch the video until it expires or is revoked."""
    await catalog.authorize(caller, video_id, "share")
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
            raise NotFoundError("No such video.")
        url = f"{find_origin()}/s/{sign(PURPOSE, share_id, expires_s)}"
        headers = {"Location": f"/v1/videos/{video_id}/shares/{share_id}"}
        return Answer(Share(share_id=share_id, url=url, expires=expires), headers=headers)

    return await idempotency.run(work)


@router.delete("/v1/videos/{video_id}/shares/{share_id}", status_code=HTTPStatus.NO_CONTENT)
async def take_back(
    video_id: VideoId,
    share_id: Annotated[str, Path(max_length=64)],
    caller: LoggedIn,
    catalog: CatalogDep,
    database: DatabaseDep,
) -> None:
    """Revoke a link: permitted to the user who created it and the video's uploader."""
    row = None
    if IDENTIFIER.fullmatch(share_id) and IDENTIFIER.fullmatch(video_id):
        row = await database.one(
            "SELECT user_id FROM shares WHERE share_id = %s AND video_id = %s", (share_id, video_id)
        )
    if row is None:
        raise NotFoundError("No such share.")
    video = await catalog.read(video_id)
    relations = find_relations(caller, row["user_id"], host_id=video.uploader_id)
    require("share", "there", "delete", relations)
    await database.write("DELETE FROM shares WHERE share_id = %s", (share_id,))


def find_origin() -> str:
    """The origin of this server's URLs: NEWSREEL_PUBLIC_URL, or nothing, so that they are paths.

    Not the request's Host, which its sender chooses: the link would lead to a server of theirs.
    """
    return (settings().public_url or "").rstrip("/")
