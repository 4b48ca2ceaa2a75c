"""`/v1/friends`: friendships: requested by one user, accepted by the other's request, ended by either."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import lock_new_edge, lock_pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, list_people
from streaming.serving.database import Connection, DatabaseDep
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Friendship(Body):
    """The other user, and their state."""

    user_id: str
    state: Literal["asked", "friends"]


@router.put("/v1/friends/{user_id}")
async def befriend(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> Friendship:
    """Request a friendship, or accept the other user's request."""
    async with lock_new_edge(database, caller.user_id, user_id) as connection:
        are_friends = await _accept_request(connection, caller.user_id, user_id)
        if not are_friends:
            await connection.execute(
                "INSERT INTO friend_requests (user_id, asked_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (caller.user_id, user_id),
            )
    return Friendship(user_id=user_id, state="friends" if are_friends else "asked")


@router.delete("/v1/friends/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def end(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> None:
    """End a friendship, or withdraw or decline a request; succeeds if there is none."""
    if "\0" in user_id:
        return
    async with lock_pair(database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM friendships WHERE user_id_1 = %s AND user_id_2 = %s",
            sorted((caller.user_id, user_id)),
        )
        await _delete_requests(connection, caller.user_id, user_id)


@router.get("/v1/friends")
async def show(
    caller: LoggedIn,
    database: DatabaseDep,
    state: Literal["friends", "asked", "asking"] = "friends",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> People:
    """List friends; with `state=asked`, users whom the caller asked; with `state=asking`, those who asked them."""
    return await list_people(database, caller.user_id, state, limit, cursor)


async def _accept_request(connection: Connection, user_id: str, other_id: str) -> bool:
    """Make them friends if the other user has asked; returns whether they are friends now."""
    # Python compares text by code point, as the column's collation does.
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
    await _delete_requests(connection, user_id, other_id)
    await connection.execute(
        "INSERT INTO friendships (user_id_1, user_id_2, created) VALUES (%s, %s, now())", both
    )
    return True


async def _delete_requests(connection: Connection, user_id: str, other_id: str) -> None:
    await connection.execute(
        """DELETE FROM friend_requests
           WHERE (user_id = %(one)s AND asked_id = %(other)s) OR (user_id = %(other)s AND asked_id = %(one)s)""",
        {"one": user_id, "other": other_id},
    )
