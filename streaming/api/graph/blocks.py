"""`/v1/blocks`: who shall neither see somebody nor be seen by them.

A block takes nothing away: friendships, follows and requests stay as they are and count again once it is lifted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request

from streaming.accounts.caller import LoggedIn
from streaming.accounts.pair_lock import both_there, pair
from streaming.api.accounts.users import UserId
from streaming.api.graph.edges import People, people
from streaming.serving.fields import Body
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["people"])


class Block(Body):
    """What the other one is now."""

    user_id: str
    state: Literal["blocked"] = "blocked"


@router.put("/v1/blocks/{user_id}")
async def block(user_id: UserId, request: Request, caller: LoggedIn) -> Block:
    """Block somebody: both are hidden from each other, and nothing new comes about between them."""
    async with both_there(request.app.state.database, caller.user_id, user_id) as connection:
        await connection.execute(
            """INSERT INTO blocks (user_id, blocked_id, created) VALUES (%s, %s, now())
               ON CONFLICT DO NOTHING""",
            (caller.user_id, user_id),
        )
    return Block(user_id=user_id)


@router.delete("/v1/blocks/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def unblock(user_id: UserId, request: Request, caller: LoggedIn) -> None:
    """Lift the caller's own block. That there is none is no error."""
    if "\0" in user_id:
        return
    async with pair(request.app.state.database, caller.user_id, user_id) as connection:
        await connection.execute(
            "DELETE FROM blocks WHERE user_id = %s AND blocked_id = %s", (caller.user_id, user_id)
        )


@router.get("/v1/blocks")
async def show(
    request: Request, caller: LoggedIn, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> People:
    """Whom the caller has blocked."""
    return await people(request.app.state.database, caller.user_id, "blocked", limit, cursor)
