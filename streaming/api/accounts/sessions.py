"""`/v1/sessions`: log in, refresh, log out."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import Field

from schemas.errors import LogInError
from streaming.accounts.caller import LoggedIn
from streaming.accounts.passwords import Passwords
from streaming.accounts.sessions import Pair, Sessions, open_session
from streaming.api.limits import check_login
from streaming.serving.database import Database
from streaming.serving.fields import Body
from streaming.serving.openapi import ANYONE

router = APIRouter(tags=["accounts"])


class Login(Body):
    """Who logs in."""

    user_name: str = Field(max_length=64)
    password: str = Field(max_length=256)


class Refresh(Body):
    """A refresh token, which is good once."""

    refresh_token: str = Field(max_length=200)


class Tokens(Body):
    """What a session needs from now on."""

    access_token: str
    refresh_token: str
    expires_in_s: int


@router.post("/v1/sessions", status_code=HTTPStatus.CREATED, openapi_extra=ANYONE)
async def log_in(body: Login, request: Request) -> Tokens:
    """Open a session."""
    database: Database = request.app.state.database
    passwords: Passwords = request.app.state.passwords
    await check_login(request, body.user_name)
    row = None
    if "\0" not in body.user_name and body.user_name.isprintable():
        row = await database.one(
            """SELECT user_id, password_hash FROM users JOIN credentials USING (user_id) WHERE user_name = %s""",
            (body.user_name,),
        )
    good = await passwords.check(row["password_hash"] if row else None, body.password)
    if row is None or not good:
        raise LogInError("user name or password is wrong")
    fresh = await passwords.hash(body.password) if passwords.outdated(row["password_hash"]) else None
    async with database.transaction() as connection:
        pair = await open_session(connection, row["user_id"])
        await connection.execute(
            "UPDATE users SET last_login = %s WHERE user_id = %s", (datetime.now(UTC), row["user_id"])
        )
        if fresh is not None:
            await connection.execute(
                "UPDATE credentials SET password_hash = %s WHERE user_id = %s", (fresh, row["user_id"])
            )
    return _tokens(pair)


@router.post("/v1/sessions/refresh", status_code=HTTPStatus.CREATED, openapi_extra=ANYONE)
async def refresh(body: Refresh, request: Request) -> Tokens:
    """Get the next tokens of a session. The old refresh token is not good any more; used again, it ends the session."""
    sessions: Sessions = request.app.state.sessions
    return _tokens(await sessions.refresh(body.refresh_token))


@router.delete("/v1/sessions", status_code=HTTPStatus.NO_CONTENT)
async def log_out(request: Request, caller: LoggedIn) -> None:
    """End this session, at once, and no other."""
    sessions: Sessions = request.app.state.sessions
    await sessions.end(caller.session_id)


def _tokens(pair: Pair) -> Tokens:
    return Tokens(
        access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in_s=pair.expires_in_s
    )
