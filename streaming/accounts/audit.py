"""Audit log: a row for each act of an operator, in the transaction of the act.

Tests: tests/streaming/api/videos/test_operators.py.
"""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.ids import new_id
from streaming.serving.database import Connection
from streaming.serving.request_id import request_id


async def record_act(
    connection: Connection, operator_id: str, action: str, object_id: str, reason: str | None = None
) -> None:
    """Record which operator did what to which object, and the id of the request."""
    await connection.execute(
        """INSERT INTO audit_log (audit_id, operator_id, action, object_id, reason, request_id, created)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (new_id(), operator_id, action, object_id, reason, request_id.get(), datetime.now(UTC)),
    )
