"""Default response headers, and the ASGI middleware that adds them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        # Players hand their segments to the browser as blobs (Media Source Extensions).
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

DEFAULT_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Stored, but revalidated each time (RFC 9111); immutable responses override it.
    "Cache-Control": "no-cache",
}


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_RAW = _encode(DEFAULT_HEADERS)


class DefaultHeadersMiddleware:
    """Adds `DEFAULT_HEADERS` that the response does not set itself."""

    def __init__(self, app: ASGIApp, under: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`under`: further headers, by path prefix."""
        self.app = app
        self._under = {prefix: _encode(headers) for prefix, headers in (under or {}).items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        defaults = _RAW
        for prefix, more in self._under.items():
            if scope["type"] == "http" and scope["path"].startswith(prefix):
                defaults = [*more, *_RAW]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [pair for pair in defaults if pair[0] not in present]
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, send_with_headers)
