"""ASGI middleware that limits request bodies: length, content type and encoding, time to arrive."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming.serving.problems import build_problem

LONGEST_BYTES = 1 << 20
BODY_WITHIN_S = 30.0
"""Time for a body to arrive: a client that sends a byte a minute would hold a request."""
JSON = re.compile(rb"\s*application/([a-z0-9.+-]+\+)?json\s*(;.*)?", re.IGNORECASE | re.DOTALL)


class BodyLimitMiddleware:
    """413 above `LONGEST_BYTES`, 415 unless JSON and uncompressed (decompression bombs), 408 if too slow."""

    def __init__(self, app: ASGIApp, files_under: str) -> None:
        """`files_under`: prefix of paths whose bodies are files; the handlers there have limits of their own."""
        self.app, self._files_under = app, files_under
        self._too_long = f"Body too long: at most {LONGEST_BYTES} bytes; send files to {files_under}."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._files_under):
            await self.app(scope, receive, send)
            return
        if (rejection := _reject(dict(scope["headers"]), self._too_long)) is not None:
            await rejection(scope, receive, send)
            return
        await self.app(scope, _Bounded(receive, self._too_long).receive, send)


class _Bounded:
    """The body of one request within its limits. Raises HTTPException, which frameworks pass on."""

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
            detail = f"The body did not arrive within {BODY_WITHIN_S:.0f} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from error
        self._complete = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > LONGEST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_long, {"Connection": "close"})
        return message


def _reject(headers: dict[bytes, bytes], too_long: str) -> Response | None:
    """The response to a body that can be rejected by its headers alone; None if it cannot."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > LONGEST_BYTES:
        return build_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_long, {"Connection": "close"})
    if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        detail = "Unsupported Content-Encoding: send the body uncompressed."
        return build_problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    has_body = length not in (b"", b"0") or b"transfer-encoding" in headers
    # A missing Content-Type means JSON: no other is accepted here.
    if has_body and not JSON.fullmatch(headers.get(b"content-type", b"application/json")):
        return build_problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported Content-Type: send application/json."
        )
    return None
