"""`/v1/follows`: follows, for posts of users who are not friends."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import lock_new_edge, lock_pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, list_people
from streaming.serving.database import DatabaseDep
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Follow(Body):
    """The other user, and their state."""

    user_id: str
    state: Literal["following"] = "following"


@router.put("/v1/follows/{user_id}")
async def follow(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> Follow:
    """Follow a user: the feed shows their posts from now on, older ones included."""
    async with lock_new_edge(database, caller.user_id, user_id) as connection:
        await connection.execute(
            """INSERT INTO follows (follower_id, followee_id, created) VALUES (%s, %s, now())
               ON CONFLICT DO NOTHING""",
            (caller.user_id, user_id),
        )
    return Follow(user_id=user_id)


@router.delete("/v1/follows/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def unfollow(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> None:
    """Unfollow a user; succeeds if the caller does not follow them."""
    if "\0" in user_id:
        return
    async with lock_pair(database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM follows WHERE follower_id = %s AND followee_id = %s", (caller.user_id, user_id)
        )


@router.get("/v1/follows")
async def show(
    caller: LoggedIn,
    database: DatabaseDep,
    direction: Literal["following", "followers"] = "following",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> People:
    """List the users whom the caller follows; with `direction=followers`, those who follow the caller."""
    return await list_people(database, caller.user_id, direction, limit, cursor)
