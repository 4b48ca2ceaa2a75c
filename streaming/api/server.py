"""The HTTP server: uvicorn, with bounds on what a client may make it hold, and a drain before its end."""

from __future__ import annotations

import asyncio
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.errors import DependencyError

GRACE_S = 5
"""How long a stop waits for answers that are being sent."""
CONNECTIONS = 4_000
"""More get 503: each may hold some buffers and a file descriptor."""
LONGEST_HEAD_BYTES = 64 << 10
"""Request line and headers; more is 431."""
HEAD_WITHIN_S = 10.0
"""A client that has not sent its headers by then is cut off (slowloris)."""
KEEP_ALIVE_S = 20
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s"
)
_PROBLEM = (
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431,'
    b'"detail":"The headers are too long."}'
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, which by itself keeps headers of any length, for any time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request's headers."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._cut_off)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before the headers end."""
        if self._in_head:
            if not self._head_bytes and self._head_timer.cancelled():
                self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._cut_off)
            self._head_bytes += len(data)
        super().data_received(data)
        # Headers and body may come together: only what was left without an end is too long.
        if self._in_head and self._head_bytes > LONGEST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE % (len(_PROBLEM), _PROBLEM))
            self._cut_off()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._head_bytes = False, 0
        self._head_timer.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may come."""
        self._in_head = True
        super().on_message_complete()

    def _cut_off(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Says that it drains before it stops to accept, so that a load balancer may look elsewhere."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=BoundedProtocol,
                log_config=None,
                access_log=False,
                server_header=False,
                # The limiter reads X-Forwarded-For itself, from proxies that are trusted.
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end."""
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections there. Raises DependencyError where the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise DependencyError(
            f"cannot listen on {host}:{port} ({error}); give another --host or --port"
        ) from error
