"""Acts of operators on any video: take down, restore, retry, overrule; each with a row in the audit log, atomically."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from schemas.errors import ConflictError, NotFoundError
from streaming.accounts.audit import record_act
from streaming.accounts.authorization import find_relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.api.videos.catalog import Catalog, CatalogDep, VideoId
from streaming.serving import pagination
from streaming.serving.database import Connection, Database, DatabaseDep, Row
from streaming.serving.fields import Body, Reason
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["operators"])

COLUMNS = "audit_id, operator_id, action, object_id, reason, request_id, created"
RETRIABLE = ("failed", "rejected", "duplicate")

Transition = Callable[[Row], tuple[str, list[str]]]
"""The new status and reasons of a video, given its row. Raises ConflictError if its status does not permit it."""

Effect = Callable[[Connection, Row], Awaitable[None]]


class Because(Body):
    """The reason of an act."""

    reason: Reason


class Act(BaseModel):
    """An act of an operator."""

    audit_id: str
    operator_id: str
    action: str
    object_id: str
    reason: str | None
    request_id: str | None
    created: datetime


class Acts(BaseModel):
    """A page of acts."""

    items: list[Act]
    next_cursor: str | None


class OperatorActs:
    """Performs acts on videos, each in one transaction with its row in the audit log."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database, self._catalog = database, catalog

    async def perform(
        self,
        caller: Member,
        video_id: str,
        action: str,
        reason: str,
        transition: Transition,
        effect: Effect | None = None,
    ) -> None:
        """Change a video's status by `transition`, apply `effect`, and record the act."""
        await self._catalog.authorize(caller, video_id, "operate")
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT status, package, duplicate_of FROM videos WHERE video_id = %s FOR UPDATE", (video_id,)
            )
            row = await cursor.fetchone()
            if row is None:
                raise NotFoundError("No such video.")
            status, reasons = transition(row)
            if effect is not None:
                await effect(connection, row)
            await connection.execute(
                """UPDATE videos SET status = %s, reasons = %s,
                     duplicate_of = CASE WHEN %s THEN NULL ELSE duplicate_of END
                   WHERE video_id = %s""",
                (status, reasons, status == "inspecting", video_id),
            )
            await record_act(connection, caller.user_id, action, video_id, reason)
        self._catalog.invalidate(video_id)


async def get_operator_acts(database: DatabaseDep, catalog: CatalogDep) -> OperatorActs:
    """The acts of operators on the application's videos."""
    return OperatorActs(database, catalog)


OperatorActsDep = Annotated[OperatorActs, Depends(get_operator_acts)]


@router.post("/v1/videos/{video_id}/take-down", status_code=HTTPStatus.NO_CONTENT)
async def take_down(video_id: VideoId, body: Because, caller: LoggedIn, acts: OperatorActsDep) -> None:
    """Take a video down: only its uploader and operators see it, and its media are no longer served."""
    await acts.perform(caller, video_id, "take_down", body.reason, lambda _row: ("removed", [body.reason]))


@router.post("/v1/videos/{video_id}/restore", status_code=HTTPStatus.NO_CONTENT)
async def restore(video_id: VideoId, body: Because, caller: LoggedIn, acts: OperatorActsDep) -> None:
    """Reverse a take-down."""

    def restore_status(row: Row) -> tuple[str, list[str]]:
        if row["status"] != "removed":
            raise ConflictError(f"This video was not taken down: its status is {row['status']}.")
        return ("ready", []) if row["package"] else ("failed", ["it was taken down before it was published"])

    await acts.perform(caller, video_id, "restore", body.reason, restore_status)


@router.post("/v1/videos/{video_id}/retry", status_code=HTTPStatus.ACCEPTED)
async def retry(video_id: VideoId, body: Because, caller: LoggedIn, acts: OperatorActsDep) -> None:
    """Rerun the ingest of a video that failed or was rejected."""

    def restart(row: Row) -> tuple[str, list[str]]:
        if row["status"] not in RETRIABLE:
            raise ConflictError(
                f"This video cannot be retried: its status is {row['status']}, not one of {', '.join(RETRIABLE)}."
            )
        return "inspecting", []

    await acts.perform(caller, video_id, "retry", body.reason, restart)


@router.post("/v1/videos/{video_id}/overrule", status_code=HTTPStatus.ACCEPTED)
async def overrule(video_id: VideoId, body: Because, caller: LoggedIn, acts: OperatorActsDep) -> None:
    """Overrule a duplicate: decide that a video does not duplicate the one named, and rerun its ingest."""

    def restart(row: Row) -> tuple[str, list[str]]:
        if row["status"] != "duplicate" or row["duplicate_of"] is None:
            raise ConflictError(
                f"This video is not a duplicate of a named video: its status is {row['status']}."
            )
        return "inspecting", []

    async def record_decision(connection: Connection, row: Row) -> None:
        await connection.execute(
            """INSERT INTO match_decisions (video_id, reference_video_id, operator_id, reason, created)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            (video_id, row["duplicate_of"], caller.user_id, body.reason, datetime.now(UTC)),
        )

    await acts.perform(caller, video_id, "overrule", body.reason, restart, record_decision)


@router.get("/v1/audit-log")
async def audit_log(
    caller: LoggedIn, database: DatabaseDep, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Acts:
    """List the acts of operators, newest first."""
    require("audit_log", "there", "read", find_relations(caller, None))
    after, after_id = pagination.parse_cursor(cursor, pagination.parse_time, str) if cursor else (None, None)
    rows = await database.all(
        f"""SELECT {COLUMNS} FROM audit_log
            WHERE %s::timestamptz IS NULL OR (created, audit_id) < (%s, %s)
            ORDER BY created DESC, audit_id DESC LIMIT %s""",
        (after, after, after_id, limit + 1),
    )
    items, next_cursor = pagination.split_page(rows, limit, "created", "audit_id")
    return Acts(items=[Act(**row) for row in items], next_cursor=next_cursor)
