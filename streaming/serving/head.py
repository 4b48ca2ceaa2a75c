"""ASGI middleware by which whatever answers GET answers HEAD (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGet:
    """The handlers see a GET; the server, which keeps the scope that it made, sends no body."""

    def __init__(self, app: ASGIApp, but_under: str) -> None:
        """`but_under`: paths whose handlers answer HEAD themselves."""
        self.app, self._but_under = app, but_under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].startswith(self._but_under):
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        await self.app(inner, receive, send)
        scope["route"] = inner.get("route")
