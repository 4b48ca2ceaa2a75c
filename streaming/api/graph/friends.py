"""`/v1/friends`: one asks, the other's asking accepts, either may end it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import new_edge, pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, people
from streaming.serving.database import Connection
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Friendship(Body):
    """What the other one is now."""

    user_id: str
    state: Literal["asked", "friends"]


@router.put("/v1/friends/{user_id}")
async def befriend(user_id: UserId, request: Request, caller: LoggedIn) -> Friendship:
    """Ask somebody to be friends; accept, where they have asked already."""
    async with new_edge(request.app.state.database, caller.user_id, user_id) as connection:
        friends = await _friends(connection, caller.user_id, user_id)
        if not friends:
            await connection.execute(
                "INSERT INTO friend_requests (user_id, asked_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (caller.user_id, user_id),
            )
    return Friendship(user_id=user_id, state="friends" if friends else "asked")


@router.delete("/v1/friends/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def end(user_id: UserId, request: Request, caller: LoggedIn) -> None:
    """End a friendship, or take back or turn down what was asked. That there is none is no error."""
    if "\0" in user_id:
        return
    async with pair(request.app.state.database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM friendships WHERE user_id_1 = %s AND user_id_2 = %s",
            sorted((caller.user_id, user_id)),
        )
        await _no_requests(connection, caller.user_id, user_id)


@router.get("/v1/friends")
async def show(
    request: Request,
    caller: LoggedIn,
    state: Literal["friends", "asked", "asking"] = "friends",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> People:
    """Friends; with `state=asked` whom the caller has asked, with `state=asking` who has asked the caller."""
    return await people(request.app.state.database, caller.user_id, state, limit, cursor)


async def _friends(connection: Connection, user_id: str, other_id: str) -> bool:
    """Whether they are friends, which they are from now on where the other one has asked."""
    # Python compares text by code point, as the column's order does.
    both = sorted((user_id, other_id))
    cursor = await connection.execute(
        "SELECT FROM friendships WHERE user_id_1 = %s AND user_id_2 = %s",
        both,
    )
    if await cursor.fetchone() is not None:
        return True
    cursor = await connection.execute(
        "SELECT FROM friend_requests WHERE user_id = %s AND asked_id = %s", (other_id, user_id)
    )
    if await cursor.fetchone() is None:
        return False
    await _no_requests(connection, user_id, other_id)
    await connection.execute(
        "INSERT INTO friendships (user_id_1, user_id_2, created) VALUES (%s, %s, now())", both
    )
    return True


async def _no_requests(connection: Connection, user_id: str, other_id: str) -> None:
    await connection.execute(
        """DELETE FROM friend_requests
           WHERE (user_id = %(one)s AND asked_id = %(other)s) OR (user_id = %(other)s AND asked_id = %(one)s)""",
        {"one": user_id, "other": other_id},
    )
