"""ASGI middleware that bounds bodies: their length, their encoding, and the time that they may take."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming.serving.problems import problem

LONGEST_BYTES = 1 << 20
BODY_WITHIN_S = 30.0
"""A body that is not there by then is given up: whoever sends a byte a minute holds a request."""
JSON = re.compile(rb"\s*application/([a-z0-9.+-]+\+)?json\s*(;.*)?", re.IGNORECASE | re.DOTALL)


class BodyLimit:
    """413 above `LONGEST_BYTES`, 415 for no JSON or a compressed body (which could be a bomb), 408 for a slow one."""

    def __init__(self, app: ASGIApp, files_under: str) -> None:
        """`files_under`: paths whose bodies are files; the handlers there have bounds of their own."""
        self.app, self._files_under = app, files_under
        self._too_long = f"A body may have {LONGEST_BYTES} bytes; files go to {files_under}."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._files_under):
            await self.app(scope, receive, send)
            return
        if (refused := _refused(dict(scope["headers"]), self._too_long)) is not None:
            await refused(scope, receive, send)
            return
        await self.app(scope, _Bounded(receive, self._too_long).receive, send)


class _Bounded:
    """The body of one request, as far as it goes. Raises HTTPException, which frameworks pass on."""

    def __init__(self, receive: Receive, too_long: str) -> None:
        self._receive, self._too_long = receive, too_long
        self._bytes = 0
        self._deadline_s: float | None = None
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        if self._deadline_s is None:
            self._deadline_s = asyncio.get_running_loop().time() + BODY_WITHIN_S
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError as error:
            detail = f"The body was not there within {BODY_WITHIN_S:.0f} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from error
        self._complete = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > LONGEST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_long, {"Connection": "close"})
        return message


def _refused(headers: dict[bytes, bytes], too_long: str) -> Response | None:
    """The answer to a body that its headers already make impossible."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > LONGEST_BYTES:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_long, {"Connection": "close"})
    if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        detail = "Bodies are taken as they are, without Content-Encoding."
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    has_body = length not in (b"", b"0") or b"transfer-encoding" in headers
    # Whoever does not say what it is means JSON, as there is nothing else here.
    if has_body and not JSON.fullmatch(headers.get(b"content-type", b"application/json")):
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Bodies are JSON: Content-Type: application/json.")
    return None
