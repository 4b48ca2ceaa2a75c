"""ASGI middleware by which whatever answers GET answers HEAD (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from streaming.api.body_limit import UPLOADS


class HeadAsGet:
    """The handlers see a GET; the server, which keeps the scope that it made, sends no body. tus has its own HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].startswith(UPLOADS):
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        await self.app(inner, receive, send)
        scope["route"] = inner.get("route")
