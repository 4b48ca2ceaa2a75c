"""Daily activity: one row per account, day and surface, written by the first authenticated request.

It is written before the response, so every request that got a response was counted; later ones cost a lookup in memory.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime

from schemas.errors import DependencyError
from streaming.serving.database import Database

DAY_S = 86_400
REMEMBERED = 500_000
"""Accounts and surfaces of a day that a process remembers; beyond that, rows are written again without effect."""
WRITE_TIMEOUT_S = 0.5
"""How long a request waits for the row: while PostgreSQL is unavailable, cached reads are still served."""
RETENTION_DAYS = 45
"""Days kept in PostgreSQL; the lake keeps all."""
BATCH_ROWS = 20_000
"""Rows deleted per statement: it has five seconds, and a day has a row for every active account."""

INSERT = """
    INSERT INTO activity (user_id, day, surface, created)
    VALUES (%(user_id)s, %(day)s, %(surface)s, %(now)s) ON CONFLICT DO NOTHING
"""
DELETE_OLD = b"""
    DELETE FROM activity WHERE (user_id, day, surface) IN (
        SELECT user_id, day, surface FROM activity WHERE day < current_date - %s::int LIMIT %s
    )
"""


class Activity:
    """Writes activity, and remembers which accounts have a row for today."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._day = 0
        self._recorded: set[tuple[str, str]] = set()

    async def record(self, user_id: str, surface: str) -> None:
        """Record an authenticated request. A write that fails is retried with the account's next request."""
        now_s = time.time()
        day = int(now_s // DAY_S)
        if day != self._day or len(self._recorded) >= REMEMBERED:
            self._day = day
            self._recorded.clear()
        if (user_id, surface) in self._recorded:
            return
        now = datetime.fromtimestamp(now_s, UTC)
        row = {"user_id": user_id, "day": now.date(), "surface": surface, "now": now}
        with suppress(DependencyError, TimeoutError):
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._database.write(INSERT, row)
            self._recorded.add((user_id, surface))


async def delete_old_activity(database: Database) -> None:
    """Delete days past their retention, without events: the lake keeps them."""
    deleted = BATCH_ROWS
    while deleted == BATCH_ROWS:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL newsreel.passing = 'on'")
            deleted = (await connection.execute(DELETE_OLD, (RETENTION_DAYS, BATCH_ROWS))).rowcount
