"""`/v1/videos/{video_id}/reaction`: like or dislike, one per account and video.

Tests: tests/streaming/api/videos/test_counters.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter

from schemas.errors import NotFoundError
from streaming.accounts.caller import LoggedIn
from streaming.api.videos.catalog import CatalogDep, VideoId
from streaming.serving.database import DatabaseDep
from streaming.serving.fields import Body

router = APIRouter(tags=["videos"])

# One statement: concurrent requests update the same row. A video deleted meanwhile gets none.
UPSERT = """
    INSERT INTO reactions (video_id, user_id, kind, created)
    SELECT video_id, %s, %s, %s FROM videos WHERE video_id = %s
    ON CONFLICT (video_id, user_id) DO UPDATE SET kind = excluded.kind, created = excluded.created
    WHERE reactions.kind <> excluded.kind
"""


class Reaction(Body):
    """A like or dislike."""

    kind: Literal["like", "dislike"]


@router.put("/v1/videos/{video_id}/reaction")
async def react(
    video_id: VideoId, body: Reaction, caller: LoggedIn, catalog: CatalogDep, database: DatabaseDep
) -> Reaction:
    """Like or dislike a video; replaces the caller's earlier reaction."""
    await catalog.authorize(caller, video_id, "react")
    await database.write(UPSERT, (caller.user_id, body.kind, datetime.now(UTC), video_id))
    return body


@router.get("/v1/videos/{video_id}/reaction")
async def show(video_id: VideoId, caller: LoggedIn, catalog: CatalogDep, database: DatabaseDep) -> Reaction:
    """The caller's reaction; 404 if there is none."""
    await catalog.authorize(caller, video_id, "read")
    row = await database.one(
        "SELECT kind FROM reactions WHERE video_id = %s AND user_id = %s", (video_id, caller.user_id)
    )
    if row is None:
        raise NotFoundError("No reaction of the caller to this video.")
    return Reaction(kind=row["kind"])


@router.delete("/v1/videos/{video_id}/reaction", status_code=HTTPStatus.NO_CONTENT)
async def take_back(video_id: VideoId, caller: LoggedIn, catalog: CatalogDep, database: DatabaseDep) -> None:
    """Delete the caller's reaction; succeeds if there is none."""
    await catalog.authorize(caller, video_id, "react")
    await database.write(
        "DELETE FROM reactions WHERE video_id = %s AND user_id = %s", (video_id, caller.user_id)
    )
