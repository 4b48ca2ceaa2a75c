"""`/v1/users`: sign-up, accounts, erasure."""

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
from schemas.settings import settings
from streaming.accounts.authorization import find_relations, is_allowed, require
from streaming.accounts.caller import LoggedIn, get_caller
from streaming.accounts.idempotency import Answer, IdempotencyDep
from streaming.accounts.passwords import Passwords, PasswordsDep
from streaming.accounts.quota import read_used_bytes
from streaming.accounts.sessions import SessionsDep
from streaming.api.accounts.erasure import erase_account
from streaming.api.limits import check_login
from streaming.serving.database import Connection, Database, DatabaseDep, Row, get_database
from streaming.serving.fields import Body, Email, FullName, Password, UserName
from streaming.serving.openapi import ANYONE
from streaming.serving.plain_route import PlainRoute, path_parameter

router = APIRouter(tags=["accounts"])
plain = APIRouter(tags=["accounts"], route_class=PlainRoute)

UserId = Annotated[str, Path(max_length=64)]
EARLIEST_BIRTH = date(1875, 1, 1)
COLUMNS = "user_id, user_name, name, email, date_of_birth, last_login, created"


class NewUser(Body):
    """A new account."""

    user_name: UserName
    password: Password
    name: FullName | None = None
    email: Email | None = None
    date_of_birth: date | None = Field(None, description="ISO 8601, as 1990-12-31.")

    @model_validator(mode="after")
    def _validate_birth(self) -> NewUser:
        _check_birth(self.date_of_birth)
        return self


class UserChange(Body):
    """Changes to the caller's account; null clears a field, omitted fields stay."""

    name: FullName | None = None
    email: Email | None = None
    date_of_birth: date | None = None
    password: Password | None = None
    current_password: str | None = Field(None, max_length=256, description="Required to change the password.")

    @model_validator(mode="after")
    def _validate_birth(self) -> UserChange:
        _check_birth(self.date_of_birth)
        return self


class PublicUser(Body):
    """An account as others see it."""

    user_id: str
    user_name: str
    created: datetime


class OwnUser(PublicUser):
    """An account as its owner sees it."""

    name: str | None
    email: str | None
    date_of_birth: date | None
    age: int | None
    last_login: datetime | None
    used_bytes: int = Field(description="Bytes of the account's videos and open uploads.")
    quota_bytes: int = Field(description="Bytes that they may have; 0: any number.")


@router.post("/v1/users", status_code=HTTPStatus.CREATED, response_model=PublicUser, openapi_extra=ANYONE)
async def sign_up(body: NewUser, passwords: PasswordsDep, idempotency: IdempotencyDep) -> Response:
    """Create an account; open a session with POST /v1/sessions."""
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
            raise ConflictError("This user name is taken; choose another one.") from error
        await connection.execute(
            "INSERT INTO credentials (user_id, password_hash) VALUES (%s, %s)", (user_id, password_hash)
        )
        user = PublicUser(user_id=user_id, user_name=body.user_name, created=now)
        return Answer(user, headers={"Location": f"/v1/users/{user_id}"})

    return await idempotency.run(work)


@plain.get(
    "/v1/users/{user_id}",
    response_model=OwnUser | PublicUser,
    openapi_extra={"parameters": [path_parameter("user_id")]},
)
async def show(request: Request) -> Response:
    """An account: all fields for its owner, the public ones for others."""
    user_id = request.path_params["user_id"]
    relations = find_relations(await get_caller(request), user_id)
    require("user", "there", "read", relations)
    row = await read_user(await get_database(request), user_id)
    model: type[PublicUser] = PublicUser
    if is_allowed("user", "there", "read_personal", relations):
        model, row = OwnUser, await _add_own_fields(await get_database(request), row)
    body = orjson.dumps({name: row[name] for name in model.model_fields}, option=orjson.OPT_UTC_Z)
    return Response(body, media_type="application/json")


@router.patch("/v1/users/{user_id}")
async def change(
    user_id: UserId,
    body: UserChange,
    request: Request,
    caller: LoggedIn,
    database: DatabaseDep,
    passwords: PasswordsDep,
) -> OwnUser:
    """Change the caller's account. A new password ends its other sessions."""
    await read_user(database, user_id)
    require("user", "there", "edit", find_relations(caller, user_id))
    values = body.model_dump(exclude_unset=True, exclude={"password", "current_password"})
    password_hash = None
    if body.password is not None:
        if body.current_password is None:
            raise InputError("current_password: required to change the password.")
        await check_login(request, user_id)
        await _verify_current(database, passwords, user_id, body.current_password)
        password_hash = await passwords.hash(body.password)
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
    return OwnUser(**await _add_own_fields(database, await read_user(database, user_id)))


@router.delete("/v1/users/{user_id}", status_code=HTTPStatus.NO_CONTENT)
async def erase(user_id: UserId, caller: LoggedIn, database: DatabaseDep, sessions: SessionsDep) -> None:
    """Delete the caller's account, its personal fields, and all that it wrote and uploaded. Counters stay."""
    await read_user(database, user_id)
    require("user", "there", "delete", find_relations(caller, user_id))
    async with database.transaction() as connection:
        await erase_account(connection, user_id)
    sessions.invalidate(caller.session_id)


async def read_user(database: Database, user_id: str) -> Row:
    """Read the row of an account. Raises NotFoundError."""
    if "\0" not in user_id:
        row = await database.one(f"SELECT {COLUMNS} FROM users WHERE user_id = %s", (user_id,))
        if row is not None:
            return row
    raise NotFoundError("No such user.")


async def _verify_current(database: Database, passwords: Passwords, user_id: str, password: str) -> None:
    row = await database.one("SELECT password_hash FROM credentials WHERE user_id = %s", (user_id,))
    if not await passwords.verify(row["password_hash"] if row else None, password):
        raise ForbiddenError("current_password: wrong password.")


async def _add_own_fields(database: Database, row: Row) -> Row:
    """Add the fields of an account that are computed, for its owner."""
    age = _compute_age(row["date_of_birth"], datetime.now(UTC).date())
    used_bytes = await read_used_bytes(database, row["user_id"])
    return {**row, "age": age, "used_bytes": used_bytes, "quota_bytes": settings().quota_bytes}


def _compute_age(born: date | None, today: date) -> int | None:
    """Age in whole years."""
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _check_birth(born: date | None) -> None:
    if born is not None and not EARLIEST_BIRTH <= born <= datetime.now(UTC).date():
        raise ValueError(f"date_of_birth: must be from {EARLIEST_BIRTH} to today")
