"""Who is active: the first authenticated request of an account, a day and a surface leaves a row.

It is written before the request is answered, so that who was answered was counted; later ones cost a look into memory.
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
"""Accounts and surfaces of a day that a process remembers; more are written once more, which changes nothing."""
PATIENCE_S = 0.5
"""How long a request waits for it: while PostgreSQL does not serve, reads are still answered."""
KEPT_DAYS = 45
"""Days that PostgreSQL keeps; the lake keeps them all."""
AT_ONCE = 20_000
"""Rows that are forgotten in one statement: it has five seconds, and a day has a row for everybody."""

SEEN = """
    INSERT INTO activity (user_id, day, surface, created)
    VALUES (%(user_id)s, %(day)s, %(surface)s, %(now)s) ON CONFLICT DO NOTHING
"""
FORGET = b"""
    DELETE FROM activity WHERE (user_id, day, surface) IN (
        SELECT user_id, day, surface FROM activity WHERE day < current_date - %s::int LIMIT %s
    )
"""


class Activity:
    """Remembers who has a row for today."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._day = 0
        self._seen: set[tuple[str, str]] = set()

    async def saw(self, user_id: str, surface: str) -> None:
        """An account made an authenticated request. What cannot be written now is tried with its next one."""
        now_s = time.time()
        day = int(now_s // DAY_S)
        if day != self._day or len(self._seen) >= REMEMBERED:
            self._day = day
            self._seen.clear()
        if (user_id, surface) in self._seen:
            return
        now = datetime.fromtimestamp(now_s, UTC)
        row = {"user_id": user_id, "day": now.date(), "surface": surface, "now": now}
        with suppress(DependencyError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._database.write(SEEN, row)
            self._seen.add((user_id, surface))


async def forget_old(database: Database) -> None:
    """Drop days that nobody needs live any more, without events: in the lake they stay."""
    forgotten = AT_ONCE
    while forgotten == AT_ONCE:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL newsreel.passing = 'on'")
            forgotten = (await connection.execute(FORGET, (KEPT_DAYS, AT_ONCE))).rowcount
