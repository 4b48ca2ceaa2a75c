"""What operators do to videos that are not theirs, each act with a row in the audit log, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import BaseModel

from schemas.errors import ConflictError, NotFoundError
from streaming.accounts import audit
from streaming.accounts.authorization import relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.api.videos.videos import VideoId, permitted
from streaming.serving import pagination
from streaming.serving.database import Connection, Database, Row
from streaming.serving.fields import Body, Reason
from streaming.serving.pagination import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(tags=["operators"])

COLUMNS = "audit_id, operator_id, action, object_id, reason, request_id, created"
TRIED_AGAIN = ("failed", "rejected", "duplicate")


Becomes = Callable[[Row], tuple[str, list[str]]]
"""The status and reasons that a video gets, by its row. Raises ConflictError where that cannot be."""

Also = Callable[[Connection, Row], Awaitable[None]]


class Because(Body):
    """Why it is done."""

    reason: Reason


class Act(BaseModel):
    """One act of one operator."""

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


@router.post("/v1/videos/{video_id}/take-down", status_code=HTTPStatus.NO_CONTENT)
async def take_down(video_id: VideoId, body: Because, request: Request, caller: LoggedIn) -> None:
    """Take a video down: nobody but its uploader and operators sees it, and its media are served no more."""
    await _act(request, caller, video_id, "take_down", body.reason, lambda _row: ("removed", [body.reason]))


@router.post("/v1/videos/{video_id}/restore", status_code=HTTPStatus.NO_CONTENT)
async def restore(video_id: VideoId, body: Because, request: Request, caller: LoggedIn) -> None:
    """Take a take-down back."""

    def back(row: Row) -> tuple[str, list[str]]:
        if row["status"] != "removed":
            raise ConflictError(f"this video is {row['status']}, and was not taken down")
        return ("ready", []) if row["package"] else ("failed", ["it was taken down before it was published"])

    await _act(request, caller, video_id, "restore", body.reason, back)


@router.post("/v1/videos/{video_id}/retry", status_code=HTTPStatus.ACCEPTED)
async def retry(video_id: VideoId, body: Because, request: Request, caller: LoggedIn) -> None:
    """Run the ingest of a video that failed or was refused once more."""

    def again(row: Row) -> tuple[str, list[str]]:
        if row["status"] not in TRIED_AGAIN:
            raise ConflictError(
                f"this video is {row['status']}; only {', '.join(TRIED_AGAIN)} are tried again"
            )
        return "inspecting", []

    await _act(request, caller, video_id, "retry", body.reason, again)


@router.post("/v1/videos/{video_id}/overrule", status_code=HTTPStatus.ACCEPTED)
async def overrule(video_id: VideoId, body: Because, request: Request, caller: LoggedIn) -> None:
    """Decide that a video is no duplicate of the one that it was told to repeat, and run its ingest once more."""

    def again(row: Row) -> tuple[str, list[str]]:
        if row["status"] != "duplicate" or row["duplicate_of"] is None:
            raise ConflictError(f"this video is {row['status']}, and repeats none that is named")
        return "inspecting", []

    async def decide(connection: Connection, row: Row) -> None:
        await connection.execute(
            """INSERT INTO match_decisions (video_id, reference_video_id, operator_id, reason, created)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            (video_id, row["duplicate_of"], caller.user_id, body.reason, datetime.now(UTC)),
        )

    await _act(request, caller, video_id, "overrule", body.reason, again, decide)


@router.get("/v1/audit-log")
async def audit_log(
    request: Request, caller: LoggedIn, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Acts:
    """What operators did, the newest first."""
    require("audit_log", "there", "read", relations(caller, None))
    after, after_id = pagination.read(cursor, pagination.time, str) if cursor else (None, None)
    database: Database = request.app.state.database
    rows = await database.all(
        f"""SELECT {COLUMNS} FROM audit_log
            WHERE %s::timestamptz IS NULL OR (created, audit_id) < (%s, %s)
            ORDER BY created DESC, audit_id DESC LIMIT %s""",
        (after, after, after_id, limit + 1),
    )
    items, next_cursor = pagination.page(rows, limit, "created", "audit_id")
    return Acts(items=[Act(**row) for row in items], next_cursor=next_cursor)


async def _act(
    request: Request,
    caller: Member,
    video_id: str,
    action: str,
    reason: str,
    becomes: Becomes,
    also: Also | None = None,
) -> None:
    """Change a video's status as `becomes` says of its row, do what else belongs to it, and note who did it."""
    await permitted(request, caller, video_id, "operate")
    async with request.app.state.database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT status, package, duplicate_of FROM videos WHERE video_id = %s FOR UPDATE", (video_id,)
        )
        row = await cursor.fetchone()
        if row is None:
            raise NotFoundError("no such video")
        status, reasons = becomes(row)
        if also is not None:
            await also(connection, row)
        await connection.execute(
            """UPDATE videos SET status = %s, reasons = %s, duplicate_of = CASE WHEN %s THEN NULL ELSE duplicate_of END
               WHERE video_id = %s""",
            (status, reasons, status == "inspecting", video_id),
        )
        await audit.note(connection, caller.user_id, action, video_id, reason)
    request.app.state.kept_reads.forget(video_id)
