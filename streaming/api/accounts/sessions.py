"""`/v1/sessions`: log in, refresh, log out.

Tests: tests/streaming/api/accounts/test_users.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import Field

from schemas.errors import LogInError
from streaming.accounts.caller import LoggedIn
from streaming.accounts.passwords import PasswordsDep
from streaming.accounts.sessions import SessionsDep, TokenPair, open_session
from streaming.api.limits import check_login
from streaming.serving.database import DatabaseDep
from streaming.serving.fields import Body
from streaming.serving.openapi import ANYONE

router = APIRouter(tags=["accounts"])


class Login(Body):
    """Credentials of an account."""

    user_name: str = Field(max_length=64)
    password: str = Field(max_length=256)


class Refresh(Body):
    """A refresh token; it can be used once."""

    refresh_token: str = Field(max_length=200)


class Tokens(Body):
    """Tokens of a session."""

    access_token: str
    refresh_token: str
    expires_in_s: int


@router.post("/v1/sessions", status_code=HTTPStatus.CREATED, openapi_extra=ANYONE)
async def log_in(body: Login, request: Request, database: DatabaseDep, passwords: PasswordsDep) -> Tokens:
    """Open a session."""
    await check_login(request, body.user_name)
    row = None
    if "\0" not in body.user_name and body.user_name.isprintable():
        row = await database.one(
            """SELECT user_id, password_hash FROM users JOIN credentials USING (user_id) WHERE user_name = %s""",
            (body.user_name,),
        )
    matches = await passwords.verify(row["password_hash"] if row else None, body.password)
    if row is None or not matches:
        raise LogInError("Wrong user name or password.")
    new_hash = None
    if passwords.needs_rehash(row["password_hash"]):
        new_hash = await passwords.hash(body.password)
    async with database.transaction() as connection:
        pair = await open_session(connection, row["user_id"])
        await connection.execute(
            "UPDATE users SET last_login = %s WHERE user_id = %s", (datetime.now(UTC), row["user_id"])
        )
        if new_hash is not None:
            await connection.execute(
                "UPDATE credentials SET password_hash = %s WHERE user_id = %s", (new_hash, row["user_id"])
            )
    return _build_tokens(pair)


@router.post("/v1/sessions/refresh", status_code=HTTPStatus.CREATED, openapi_extra=ANYONE)
async def refresh(body: Refresh, sessions: SessionsDep) -> Tokens:
    """Get the next tokens of a session. The old refresh token becomes invalid; reusing it ends the session."""
    return _build_tokens(await sessions.refresh(body.refresh_token))


@router.delete("/v1/sessions", status_code=HTTPStatus.NO_CONTENT)
async def log_out(caller: LoggedIn, sessions: SessionsDep) -> None:
    """End this session immediately; the account's other sessions stay open."""
    await sessions.end(caller.session_id)


def _build_tokens(pair: TokenPair) -> Tokens:
    return Tokens(
        access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in_s=pair.expires_in_s
    )
