"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST sent again is answered as the first time.

What a request does and the record of its answer are one transaction: killed at any point, both are there or neither.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from starlette.responses import JSONResponse, Response

from schemas.errors import ConflictError, InputError
from stores.postgres import advisory_lock
from stores.secret_keys import signing_keys
from streaming.accounts.account_lock import keep_account
from streaming.accounts.caller import HOOK, Caller
from streaming.serving.database import Connection, Database

KEPT_FOR = timedelta(hours=24)
PURPOSE = "idempotency digest"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of yours: the same one again, with the same body, within 24 hours gets the first answer.",
    ),
]


@dataclass(frozen=True)
class Answer:
    """What a handler answers; `body` as JSON can say it."""

    body: Any
    status: int = HTTPStatus.CREATED
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """The same for ASGI."""
        return JSONResponse(jsonable_encoder(self.body), self.status, self.headers)


Work = Callable[[Connection], Awaitable[Answer]]


class Once:
    """Runs a handler's work in a transaction; with a key, once for a subject, path and key."""

    def __init__(self, request: Request, key: str | None) -> None:
        self._request, self._key = request, key

    async def __call__(self, work: Work) -> Response:
        """The answer of the work, or the first one.

        Whoever is logged in stays until it is committed. Raises InputError for another body, ConflictError while the
        first one runs, LogInError where the account was erased meanwhile.
        """
        database: Database = self._request.app.state.database
        if self._key is None:
            async with database.transaction() as connection:
                await self._keep_caller(connection)
                answer = await work(connection)
            return answer.response()
        body = await self._request.body()
        place = (_subject(self._request), self._request.url.path, self._key)
        async with database.transaction() as connection:
            await self._keep_caller(connection)
            if not await _taken(connection, place):
                raise ConflictError("the first request with this Idempotency-Key is still being answered")
            cursor = await connection.execute(
                """SELECT body_digest, status, headers, body FROM idempotency_keys
                   WHERE subject = %s AND path = %s AND key = %s AND created > now() - %s""",
                (*place, KEPT_FOR),
            )
            if first := await cursor.fetchone():
                if not any(hmac.compare_digest(digest, first["body_digest"]) for digest in _digests(body)):
                    raise InputError("this Idempotency-Key was sent with another body; take a new one")
                return Response(
                    first["body"], first["status"], first["headers"], media_type="application/json"
                )
            answer = await work(connection)
            response = answer.response()
            await connection.execute(
                """INSERT INTO idempotency_keys (subject, path, key, body_digest, status, headers, body)
                   VALUES (%s, %s, %s, %s, %s, %s, %s)
                   ON CONFLICT (subject, path, key) DO UPDATE SET body_digest = excluded.body_digest,
                   status = excluded.status, headers = excluded.headers, body = excluded.body, created = now()""",
                (
                    *place,
                    _digests(body)[0],
                    answer.status,
                    json.dumps(answer.headers),
                    bytes(response.body).decode(),
                ),
            )
        return response

    async def _keep_caller(self, connection: Connection) -> None:
        caller: Caller = self._request.scope[HOOK]
        if caller.user_id is not None:
            await keep_account(connection, caller.user_id)


async def _once(request: Request, key: Key = None) -> Once:
    return Once(request, key)


OnceOnly = Annotated[Once, Depends(_once)]
"""Of a handler that creates something."""


async def forget_old(database: Database) -> None:
    """Drop answers that are older than they are promised."""
    await database.write("DELETE FROM idempotency_keys WHERE created < now() - %s", (KEPT_FOR,))


async def _taken(connection: Connection, place: tuple[str, str, str]) -> bool:
    """Whether nobody else is at work under this key; held until the transaction ends."""
    cursor = await connection.execute(
        "SELECT pg_try_advisory_xact_lock(%s) AS taken", (advisory_lock(*place),)
    )
    row = await cursor.fetchone()
    return bool(row and row["taken"])


def _subject(request: Request) -> str:
    caller: Caller = request.scope[HOOK]
    if caller.user_id is not None:
        return f"user {caller.user_id}"
    return f"address {request.app.state.subjects.address(request.scope)}"


def _digests(body: bytes) -> list[bytes]:
    """Digests of a body, keyed with each of our keys: it may hold a password, which a plain digest would tell."""
    return [hmac.digest(key.secret, body, "sha256") for key in signing_keys(PURPOSE)]
