"""`/v1/blocks`: blocks, which hide two users from each other.

A block deletes nothing: friendships, follows and requests stay, and count again once it is lifted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import lock_existing_pair, lock_pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, list_people
from streaming.serving.database import DatabaseDep
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Block(Body):
    """The other user, and their state."""

    user_id: str
    state: Literal["blocked"] = "blocked"


@router.put("/v1/blocks/{user_id}")
async def block(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> Block:
    """Block a user: both are hidden from each other, and no friendship or follow can be created between them."""
    async with lock_existing_pair(database, caller.user_id, user_id) as connection:
        await connection.execute(
            """INSERT INTO blocks (user_id, blocked_id, created) VALUES (%s, %s, now())
               ON CONFLICT DO NOTHING""",
            (caller.user_id, user_id),
        )
    return Block(user_id=user_id)


@router.delete("/v1/blocks/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def unblock(user_id: UserId, caller: LoggedIn, database: DatabaseDep) -> None:
    """Lift the caller's block; succeeds if there is none."""
    if "\0" in user_id:
        return
    async with lock_pair(database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM blocks WHERE user_id = %s AND blocked_id = %s", (caller.user_id, user_id)
        )


@router.get("/v1/blocks")
async def show(
    caller: LoggedIn, database: DatabaseDep, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> People:
    """List the users whom the caller has blocked."""
    return await list_people(database, caller.user_id, "blocked", limit, cursor)
