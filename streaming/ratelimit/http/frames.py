"""WebSockets: what a client sends is limited message by message, and the socket lives."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable

from streaming.ratelimit.http.answer import POLICY_VIOLATION, Answer
from streaming.ratelimit.http.asgi import Message, Receive
from streaming.ratelimit.http.guard import Guard
from streaming.ratelimit.http.refused import Refused

CLOSE_AFTER = 100
"""Refused frames in a row after which a socket is closed: a client that reads them has stopped long before."""

QUIET_S = 1.0
"""Before the next notice where no wait suffices."""

Tell = Callable[[str | bytes, Refused], str | bytes | None]
"""What the peer is told of a frame that was refused, text or bytes; None for nothing."""


def rate_limited(_frame: str | bytes, refused: Refused) -> str:
    """`{"type": "error", "code": "rate_limited", "detail": ..., "retry_after_s": ...}`, null where no wait suffices."""
    retry_after_s = None if math.isinf(refused.retry_after_s) else refused.retry_after_s
    error = {
        "type": "error",
        "code": "rate_limited",
        "detail": refused.detail,
        "retry_after_s": retry_after_s,
    }
    return json.dumps(error)


class FrameLimiter:
    """The messages of one WebSocket without those that are refused.

    A refusal is told at most once until its wait is over. After `close_after` refusals in a row the socket is closed
    with 1008. A frame that a leaking bucket accepts waits for its time, and those behind it with it.
    """

    def __init__(self, guard: Guard, receive: Receive, answer: Answer, tell: Tell, close_after: int) -> None:
        self._guard, self._receive, self._answer = guard, receive, answer
        self._tell, self._close_after = tell, close_after
        self._refused_in_a_row = 0
        self._quiet_until_s = 0.0
        # What was taken from the server and not handed on yet: the waiting task may be cancelled and ask again.
        self._held: Message | None = None
        self._due_s: float | None = None

    async def receive(self) -> Message:
        """The next message that is let through, or websocket.disconnect."""
        while self._refused_in_a_row < self._close_after:
            if self._held is None:
                self._held = await self._receive()
            if self._held["type"] != "websocket.receive" or await self._passes(self._held):
                message, self._held, self._due_s = self._held, None, None
                return message
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    async def _passes(self, message: Message) -> bool:
        frame: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        if self._due_s is None:
            size_bytes = len(frame if isinstance(frame, bytes) else frame.encode(errors="surrogatepass"))
            try:
                self._due_s = time.monotonic() + await self._guard.frame(size_bytes)
            except Refused as refused:
                self._held = None
                await self._refuse(frame, refused)
                return False
        self._refused_in_a_row = 0
        if (left_s := self._due_s - time.monotonic()) > 0:
            await asyncio.sleep(left_s)
        return True

    async def _refuse(self, frame: str | bytes, refused: Refused) -> None:
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= self._close_after:
            await self._answer.close(POLICY_VIOLATION)
            return
        if time.monotonic() >= self._quiet_until_s:
            quiet_s = QUIET_S if math.isinf(refused.retry_after_s) else refused.retry_after_s
            self._quiet_until_s = time.monotonic() + quiet_s
            if (notice := self._tell(frame, refused)) is not None:
                await self._answer.tell(notice)
