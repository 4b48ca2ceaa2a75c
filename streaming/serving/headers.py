"""Headers that every answer carries unless its route says otherwise."""

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
    # Kept, but asked about each time (RFC 9111); what never changes says so itself.
    "Cache-Control": "no-cache",
}


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_RAW = _raw(DEFAULT_HEADERS)


class DefaultHeaders:
    """ASGI middleware that adds `DEFAULT_HEADERS` where the answer lacks them."""

    def __init__(self, app: ASGIApp, under: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`under`: more headers, for paths that begin with a prefix."""
        self.app = app
        self._under = {prefix: _raw(headers) for prefix, headers in (under or {}).items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and complete the headers when the answer starts."""
        defaults = _RAW
        for prefix, more in self._under.items():
            if scope["type"] == "http" and scope["path"].startswith(prefix):
                defaults = [*more, *_RAW]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                held = {name for name, _ in headers}
                headers += [pair for pair in defaults if pair[0] not in held]
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, send_with_headers)
