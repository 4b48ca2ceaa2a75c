"""Response to a client: the application's messages with the fields of its limits, or a refusal."""

from __future__ import annotations

import contextlib
from typing import Literal

from streaming.ratelimit.http.asgi import Message, Scope, Send
from streaming.ratelimit.http.fields import rate_limit_fields
from streaming.ratelimit.http.guard import Guard
from streaming.ratelimit.http.refused import Refused

POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
"""Codes that close a WebSocket (RFC 6455, 7.4.1, and the registry that it opens)."""

_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class Answer:
    """The way back of one request or WebSocket."""

    def __init__(self, scope: Scope, guard: Guard, send: Send) -> None:
        self._guard, self._send = guard, send
        self._socket = scope["type"] == "websocket"
        # Without it a handshake can only be refused with 403.
        self._denial = "websocket.http.response" in (scope.get("extensions") or {})
        self._state: Literal["waiting", "started", "closed"] = "waiting"
        self._cut = False

    async def send(self, message: Message) -> None:
        """Pass on a message of the application, its first with the fields of the limits.

        After `close` it is dropped, as if the client had gone.
        """
        if self._cut:
            return
        if message["type"] in _STARTS:
            self._state = "closed" if message["type"] == "websocket.http.response.start" else "started"
            fields = rate_limit_fields(self._guard.outcomes)
            message = {**message, "headers": [*message.get("headers", ()), *fields]}
        elif message["type"] == "websocket.close":
            self._state = "closed"
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        """Answer with a refusal; close a WebSocket that is open. Raises it where another answer has begun."""
        if self._socket and (self._state != "waiting" or not self._denial):
            await self.close(POLICY_VIOLATION if refused.status == 429 else TRY_AGAIN_LATER)
            return
        if self._state != "waiting":
            raise refused
        kind = "websocket.http.response" if self._socket else "http.response"
        await self.send({"type": f"{kind}.start", "status": refused.status, "headers": refused.headers})
        await self.send({"type": f"{kind}.body", "body": refused.body})

    async def tell(self, frame: str | bytes) -> None:
        """Send a frame on a WebSocket that is open."""
        if self._state == "started":
            kind = "text" if isinstance(frame, str) else "bytes"
            with contextlib.suppress(OSError):  # the client has gone, which the next message says
                await self._send({"type": "websocket.send", kind: frame})

    async def close(self, code: int) -> None:
        """Close a WebSocket, unless it is closed."""
        if self._state != "closed":
            self._state, self._cut = "closed", True
            with contextlib.suppress(OSError):
                await self._send({"type": "websocket.close", "code": code})
