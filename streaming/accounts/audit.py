"""A row for each act of an operator, in the transaction of the act."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.ids import new_id
from streaming.serving.database import Connection
from streaming.serving.request_id import request_id


async def note(
    connection: Connection, operator_id: str, action: str, object_id: str, reason: str | None = None
) -> None:
    """Record who did what to which video or post, in answer to which request."""
    await connection.execute(
        """INSERT INTO audit_log (audit_id, operator_id, action, object_id, reason, request_id, created)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (new_id(), operator_id, action, object_id, reason, request_id.get(), datetime.now(UTC)),
    )
