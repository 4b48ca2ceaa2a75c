"""PostgreSQL notifications (LISTEN), received by one connection of the process.

What is cached because a notification would invalidate it must not be trusted while none can arrive: see `listening`.
Tests: tests/streaming/serving/test_database.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

_RECONNECT_S = 0.5

OnNotification = Callable[[str], None]
"""Called with the payload of a notification."""


class PgListener:
    """One connection that listens; `listening` while it does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._handlers: dict[str, OnNotification] = {}
        self._on_gap: list[Callable[[], None]] = []
        self.listening = False

    def subscribe(self, channel: str, on_notification: OnNotification, on_gap: Callable[[], None]) -> None:
        """Call `on_notification` for each notification of a channel, and `on_gap` when some may have been missed."""
        self._handlers[channel] = on_notification
        self._on_gap.append(on_gap)

    async def run(self) -> None:
        """Listen until cancelled; reconnects after `_RECONNECT_S`."""
        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen()
            self.listening = False
            self._report_gap()
            await asyncio.sleep(_RECONNECT_S)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=5
        ) as connection:
            for channel in self._handlers:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._report_gap()
            self.listening = True
            async for notification in connection.notifies():
                self._handlers[notification.channel](notification.payload)

    def _report_gap(self) -> None:
        for on_gap in self._on_gap:
            on_gap()
