"""ASGI middleware that serves HEAD wherever GET is served (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadMiddleware:
    """Passes HEAD on as GET; the server, which keeps the original scope, sends no body."""

    def __init__(self, app: ASGIApp, except_under: str) -> None:
        """`except_under`: prefix of paths whose handlers serve HEAD themselves."""
        self.app, self._except_under = app, except_under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "HEAD"
            or scope["path"].startswith(self._except_under)
        ):
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}
        await self.app(inner, receive, send)
        scope["route"] = inner.get("route")
