"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated POST gets its first response.

The effects of a request and the record of its response are one transaction: killed at any point, both exist or neither.
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
from stores.postgres import advisory_lock_id
from stores.secret_keys import signing_keys
from streaming.accounts.account_lock import lock_caller
from streaming.accounts.caller import AnyCaller, Caller
from streaming.ratelimit.http.subject import Subjects
from streaming.serving.database import Connection, Database, DatabaseDep

RETENTION = timedelta(hours=24)
PURPOSE = "idempotency digest"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text; repeating it with the same body within 24 hours returns the first response.",
    ),
]


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of a handler's response; `body` is anything that JSON can encode."""

    body: Any
    status: int = HTTPStatus.CREATED
    headers: dict[str, str] = field(default_factory=dict)

    def to_response(self) -> JSONResponse:
        """The response that sends it."""
        return JSONResponse(jsonable_encoder(self.body), self.status, self.headers)


Work = Callable[[Connection], Awaitable[Answer]]


class Idempotency:
    """Runs a handler's work in a transaction; with a key, once per subject, path and key."""

    def __init__(
        self, request: Request, database: Database, caller: Caller, subjects: Subjects, key: str | None
    ) -> None:
        self._request, self._database, self._caller = request, database, caller
        self._subjects, self._key = subjects, key

    async def run(self, work: Work) -> Response:
        """The response of the work, or of its first run.

        The caller's account is locked until the commit. Raises InputError if the key came with another body before,
        ConflictError while the first request runs, LogInError if the account was erased meanwhile.
        """
        if self._key is None:
            async with self._database.transaction() as connection:
                await self._lock_caller(connection)
                answer = await work(connection)
            return answer.to_response()
        body = await self._request.body()
        scoped_key = (self._find_subject(), self._request.url.path, self._key)
        async with self._database.transaction() as connection:
            await self._lock_caller(connection)
            if not await _acquire_key(connection, scoped_key):
                raise ConflictError("The first request with this Idempotency-Key is still running.")
            cursor = await connection.execute(
                """SELECT body_digest, status, headers, body FROM idempotency_keys
                   WHERE subject = %s AND path = %s AND key = %s AND created > now() - %s""",
                (*scoped_key, RETENTION),
            )
            if first := await cursor.fetchone():
                if not any(
                    hmac.compare_digest(digest, first["body_digest"]) for digest in _compute_digests(body)
                ):
                    raise InputError("This Idempotency-Key was used with another body; choose a new key.")
                return Response(
                    first["body"], first["status"], first["headers"], media_type="application/json"
                )
            answer = await work(connection)
            response = answer.to_response()
            await connection.execute(
                """INSERT INTO idempotency_keys (subject, path, key, body_digest, status, headers, body)
                   VALUES (%s, %s, %s, %s, %s, %s, %s)
                   ON CONFLICT (subject, path, key) DO UPDATE SET body_digest = excluded.body_digest,
                   status = excluded.status, headers = excluded.headers, body = excluded.body, created = now()""",
                (
                    *scoped_key,
                    _compute_digests(body)[0],
                    answer.status,
                    json.dumps(answer.headers),
                    bytes(response.body).decode(),
                ),
            )
        return response

    async def _lock_caller(self, connection: Connection) -> None:
        if self._caller.user_id is not None:
            await lock_caller(connection, self._caller.user_id)

    def _find_subject(self) -> str:
        if self._caller.user_id is not None:
            return f"user {self._caller.user_id}"
        return f"address {self._subjects.address(self._request.scope)}"


async def get_subjects(request: Request) -> Subjects:
    """The rate limiter's view of callers: by address, behind trusted proxies."""
    subjects: Subjects = request.app.state.subjects
    return subjects


SubjectsDep = Annotated[Subjects, Depends(get_subjects)]


async def get_idempotency(
    request: Request, database: DatabaseDep, caller: AnyCaller, subjects: SubjectsDep, key: Key = None
) -> Idempotency:
    """Idempotency of this request."""
    return Idempotency(request, database, caller, subjects, key)


IdempotencyDep = Annotated[Idempotency, Depends(get_idempotency)]
"""For handlers that create something."""


async def delete_old_keys(database: Database) -> None:
    """Delete responses past their retention."""
    await database.write("DELETE FROM idempotency_keys WHERE created < now() - %s", (RETENTION,))


async def _acquire_key(connection: Connection, scoped_key: tuple[str, str, str]) -> bool:
    """Lock a key until the transaction ends; False if another request holds it."""
    cursor = await connection.execute(
        "SELECT pg_try_advisory_xact_lock(%s) AS acquired", (advisory_lock_id(*scoped_key),)
    )
    row = await cursor.fetchone()
    return bool(row and row["acquired"])


def _compute_digests(body: bytes) -> list[bytes]:
    """Digests of a body, one per signing key: it may contain a password, which an unkeyed digest would expose."""
    return [hmac.digest(key.secret, body, "sha256") for key in signing_keys(PURPOSE)]
