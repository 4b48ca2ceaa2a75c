"""A request that queues: its time passes, and what its client sends meanwhile is kept for the application."""

from __future__ import annotations

import asyncio
from collections import deque

from streaming.ratelimit.http.asgi import Message, Receive

MOST_BYTES = 65_536
"""So much of a body is taken in while the request queues; the server holds back the rest."""

GONE = ("http.disconnect", "websocket.disconnect")


class Waiting:
    """The messages of one request, in the order in which they came, whether it had to queue or not."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._next: asyncio.Future[Message] | None = None

    async def sleep(self, wait_s: float) -> bool:
        """Whether the client is still there after so many seconds; False as soon as it has gone."""
        loop = asyncio.get_running_loop()
        until, size = loop.time() + wait_s, 0
        while (left_s := until - loop.time()) > 0:
            if size >= MOST_BYTES:
                await asyncio.sleep(left_s)
                break
            # It outlives the task that waits for it: what it has taken from the server would be lost.
            self._next = asyncio.ensure_future(self._receive())
            await asyncio.wait((self._next,), timeout=left_s)
            if not self._next.done():
                break
            message = self._take_next()
            self._kept.append(message)
            if message["type"] in GONE:
                return False
            size += len(message.get("body", b"")) + 1
        return True

    async def receive(self) -> Message:
        """The next message."""
        if self._kept:
            return self._kept.popleft()
        if self._next is None:
            return await self._receive()
        await asyncio.wait((self._next,))
        return self._take_next()

    def _take_next(self) -> Message:
        following, self._next = self._next, None
        assert following is not None
        return following.result()

    def close(self) -> None:
        """Ask for no more."""
        if self._next is not None:
            self._next.cancel()
