"""`/v1/follows`: whose posts somebody wants to read without being a friend."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import new_edge, pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, people
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Follow(Body):
    """What the other one is now."""

    user_id: str
    state: Literal["following"] = "following"


@router.put("/v1/follows/{user_id}")
async def follow(user_id: UserId, request: Request, caller: LoggedIn) -> Follow:
    """Follow somebody: their posts are in the feed from now on, the older ones too."""
    async with new_edge(request.app.state.database, caller.user_id, user_id) as connection:
        await connection.execute(
            """INSERT INTO follows (follower_id, followee_id, created) VALUES (%s, %s, now())
               ON CONFLICT DO NOTHING""",
            (caller.user_id, user_id),
        )
    return Follow(user_id=user_id)


@router.delete("/v1/follows/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def unfollow(user_id: UserId, request: Request, caller: LoggedIn) -> None:
    """Follow somebody no longer. That the caller does not is no error."""
    if "\0" in user_id:
        return
    async with pair(request.app.state.database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM follows WHERE follower_id = %s AND followee_id = %s", (caller.user_id, user_id)
        )


@router.get("/v1/follows")
async def show(
    request: Request,
    caller: LoggedIn,
    direction: Literal["following", "followers"] = "following",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> People:
    """Whom the caller follows; with `direction=followers` who follows the caller."""
    return await people(request.app.state.database, caller.user_id, direction, limit, cursor)
