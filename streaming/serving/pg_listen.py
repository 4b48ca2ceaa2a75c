"""What PostgreSQL tells this process (LISTEN): which sessions have ended, which videos have changed.

What is remembered because such notices come must not be trusted while they cannot: `heard` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

_AGAIN_S = 0.5

OnNotice = Callable[[str], None]
"""Called with the payload of a notice."""


class Notices:
    """One connection that listens; `heard` while it does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._channels: dict[str, OnNotice] = {}
        self._on_silence: list[Callable[[], None]] = []
        self.heard = False

    def on(self, channel: str, notice: OnNotice, silence: Callable[[], None]) -> None:
        """Call `notice` for each notice of a channel, and `silence` when some may have been missed."""
        self._channels[channel] = notice
        self._on_silence.append(silence)

    async def listen(self) -> None:
        """Listen until cancelled; connects again and again."""
        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen_once()
            self.heard = False
            self._missed()
            await asyncio.sleep(_AGAIN_S)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=5
        ) as connection:
            for channel in self._channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._missed()
            self.heard = True
            async for notice in connection.notifies():
                self._channels[notice.channel](notice.payload)

    def _missed(self) -> None:
        for silence in self._on_silence:
            silence()
