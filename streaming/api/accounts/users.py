"""`/v1/users`: accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated

import orjson
import psycopg
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, model_validator

from schemas.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from schemas.ids import new_id
from streaming.accounts.authorization import allows, relations, require
from streaming.accounts.caller import HOOK, AnyCaller, LoggedIn
from streaming.accounts.idempotency import Answer, OnceOnly
from streaming.accounts.passwords import Passwords
from streaming.api.accounts.erasure import erase_account
from streaming.api.limits import check_login
from streaming.serving.database import Connection, Database, Row
from streaming.serving.fields import Body, Email, FullName, Password, UserName
from streaming.serving.openapi import ANYONE
from streaming.serving.plain_route import PlainRoute, path_parameter

router = APIRouter(tags=["accounts"])
plain = APIRouter(tags=["accounts"], route_class=PlainRoute)

UserId = Annotated[str, Path(max_length=64)]
EARLIEST_BIRTH = date(1875, 1, 1)
COLUMNS = "user_id, user_name, name, email, date_of_birth, last_login, created"


class NewUser(Body):
    """Who signs up."""

    user_name: UserName
    password: Password
    name: FullName | None = None
    email: Email | None = None
    date_of_birth: date | None = Field(None, description="As in 1990-12-31.")

    @model_validator(mode="after")
    def _born(self) -> NewUser:
        _check_birth(self.date_of_birth)
        return self


class UserChange(Body):
    """What an account may change of itself; null erases, what is left out stays."""

    name: FullName | None = None
    email: Email | None = None
    date_of_birth: date | None = None
    password: Password | None = None
    current_password: str | None = Field(None, max_length=256, description="Needed to set another password.")

    @model_validator(mode="after")
    def _born(self) -> UserChange:
        _check_birth(self.date_of_birth)
        return self


class PublicUser(Body):
    """An account as others see it."""

    user_id: str
    user_name: str
    created: datetime


class OwnUser(PublicUser):
    """An account as it sees itself."""

    name: str | None
    email: str | None
    date_of_birth: date | None
    age: int | None
    last_login: datetime | None


@router.post("/v1/users", status_code=HTTPStatus.CREATED, response_model=PublicUser, openapi_extra=ANYONE)
async def sign_up(body: NewUser, request: Request, _caller: AnyCaller, once: OnceOnly) -> Response:
    """Make an account. A session may be opened with it at once."""
    passwords: Passwords = request.app.state.passwords
    password_hash = await passwords.hash(body.password)
    user_id, now = new_id(), datetime.now(UTC)

    async def work(connection: Connection) -> Answer:
        try:
            await connection.execute(
                """INSERT INTO users (user_id, user_name, name, email, date_of_birth, created)
                   VALUES (%s, %s, %s, %s, %s, %s)""",
                (user_id, body.user_name, body.name, body.email, body.date_of_birth, now),
            )
        except psycopg.errors.UniqueViolation as error:
            raise ConflictError("this user name is taken; choose another one") from error
        await connection.execute(
            "INSERT INTO credentials (user_id, password_hash) VALUES (%s, %s)", (user_id, password_hash)
        )
        made = PublicUser(user_id=user_id, user_name=body.user_name, created=now)
        return Answer(made, headers={"Location": f"/v1/users/{user_id}"})

    return await once(work)


@plain.get(
    "/v1/users/{user_id}",
    response_model=OwnUser | PublicUser,
    openapi_extra={"parameters": [path_parameter("user_id")]},
)
async def show(request: Request) -> Response:
    """An account: all of it for itself, what is public for others."""
    user_id = request.path_params["user_id"]
    held = relations(request.scope[HOOK], user_id)
    require("user", "there", "read", held)
    row = await existing_user(request.app.state.database, user_id)
    row["age"] = _age(row["date_of_birth"], datetime.now(UTC).date())
    shown = OwnUser if allows("user", "there", "read_personal", held) else PublicUser
    told = orjson.dumps({name: row[name] for name in shown.model_fields}, option=orjson.OPT_UTC_Z)
    return Response(told, media_type="application/json")


@router.patch("/v1/users/{user_id}")
async def change(user_id: UserId, body: UserChange, request: Request, caller: LoggedIn) -> OwnUser:
    """Change the own account. Another password ends its other sessions."""
    database: Database = request.app.state.database
    await existing_user(database, user_id)
    require("user", "there", "edit", relations(caller, user_id))
    values = body.model_dump(exclude_unset=True, exclude={"password", "current_password"})
    password_hash = None
    if body.password is not None:
        await _check_current(request, user_id, body.current_password)
        password_hash = await request.app.state.passwords.hash(body.password)
    async with database.transaction() as connection:
        if values:
            sets = ", ".join(f"{name} = %s" for name in values)
            await connection.execute(
                f"UPDATE users SET {sets} WHERE user_id = %s".encode(), (*values.values(), user_id)
            )
        if password_hash is not None:
            await connection.execute(
                "UPDATE credentials SET password_hash = %s WHERE user_id = %s", (password_hash, user_id)
            )
            await connection.execute(
                "DELETE FROM sessions WHERE user_id = %s AND session_id <> %s", (user_id, caller.session_id)
            )
    return _own(await existing_user(database, user_id))


@router.delete("/v1/users/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def erase(user_id: UserId, request: Request, caller: LoggedIn) -> None:
    """Delete the own account: all that says who it was, and all that it wrote and uploaded. Counts stay right."""
    database: Database = request.app.state.database
    await existing_user(database, user_id)
    require("user", "there", "delete", relations(caller, user_id))
    async with database.transaction() as connection:
        await erase_account(connection, user_id)
    request.app.state.sessions.forget(caller.session_id)


async def existing_user(database: Database, user_id: str) -> Row:
    """The row of an account. Raises NotFoundError."""
    if "\0" not in user_id:
        row = await database.one(f"SELECT {COLUMNS} FROM users WHERE user_id = %s", (user_id,))
        if row is not None:
            return row
    raise NotFoundError("no such user")


async def _check_current(request: Request, user_id: str, given: str | None) -> None:
    if given is None:
        raise InputError("current_password: the present password is needed to set another one")
    await check_login(request, user_id)
    row = await request.app.state.database.one(
        "SELECT password_hash FROM credentials WHERE user_id = %s", (user_id,)
    )
    if not await request.app.state.passwords.check(row["password_hash"] if row else None, given):
        raise ForbiddenError("current_password is not the present password")


def _own(row: Row) -> OwnUser:
    return OwnUser(**row, age=_age(row["date_of_birth"], datetime.now(UTC).date()))


def _age(born: date | None, today: date) -> int | None:
    """Whole years."""
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _check_birth(born: date | None) -> None:
    if born is not None and not EARLIEST_BIRTH <= born <= datetime.now(UTC).date():
        raise ValueError(f"date_of_birth: from {EARLIEST_BIRTH} to today")
