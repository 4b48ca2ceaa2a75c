"""HTTP server: uvicorn with limits on what a client can make it hold, and a drain before it stops."""

from __future__ import annotations

import asyncio
import resource
import socket
from http import HTTPStatus
from types import FrameType
from typing import Annotated, cast

import uvicorn
from fastapi import Depends, FastAPI, Request
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from schemas.errors import DependencyError
from streaming.serving.refusal import encode_refusal, refuse_connection

GRACE_S = 5
"""How long a stop waits for responses in flight."""
CONNECTIONS = 4_000
"""Further ones get 503: each may hold some buffers and a file descriptor."""
FILES = 2 * CONNECTIONS + 1_000
"""File descriptors: each connection may read a file; some are for PostgreSQL and Redis."""
LONGEST_URL_BYTES = 8 << 10
"""Of path and query; 414 above."""
LONGEST_HEAD_BYTES = 64 << 10
"""Of request line and headers, trailers included; 431 above."""
MOST_HEADERS = 200
"""431 above: every middleware scans them."""
HEAD_WITHIN_S = 10.0
"""A client that has not sent its headers by then is disconnected (slowloris)."""
REST_WITHIN_S = 30.0
"""Time for the rest of a body whose request was answered already."""
READ_WITHIN_S = 60.0
"""A client that reads nothing of its response for so long is disconnected."""
KEEP_ALIVE_S = 20


class _RefusedError(Exception):
    """Ends the parsing of a head."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with limits; by itself it keeps headers of any length for any time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request's headers."""
        super().connection_made(transport)
        self._unread_bytes = 0
        self._head_bytes = 0
        self._hosts = 0
        self._in_head = True
        self._refusal = (HTTPStatus.BAD_REQUEST, "Malformed HTTP/1.1 request (RFC 9112).")
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._disconnect)
        self._answered: RequestResponseCycle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._head_timer.cancel()
        _stop(self._rest_timer)
        _stop(self._read_timer)
        if self._answered is not None:
            # With pipelined requests uvicorn informs only the last of them.
            self._answered.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count bytes of incomplete heads: the parser buffers them."""
        if self._in_head and not self._unread_bytes and self._head_timer.cancelled():
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._disconnect)
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > LONGEST_HEAD_BYTES and not self.transport.is_closing():
            if self._in_head:
                self._refusal = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request headers too long.")
                self.send_400_response("")
            else:  # in trailers: a response may be in flight
                self._disconnect()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text
        """Refuse an unreadable request with a problem; a response in flight is cut short instead."""
        if not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle
            begun = cycle is not None and cycle.response_started and not cycle.response_complete
            if not begun and not self.pipeline:
                self.transport.write(encode_refusal(*self._refusal))
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        """Limit its length."""
        super().on_url(url)
        if len(self.url) > LONGEST_URL_BYTES:
            self._refusal = (HTTPStatus.REQUEST_URI_TOO_LONG, "URL too long.")
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Limit their number and length; trailers count, and are not added to the request's headers."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > LONGEST_HEAD_BYTES or len(self.headers) >= MOST_HEADERS:
            self._refusal = (
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request headers too long or too many.",
            )
            raise _RefusedError
        if self._in_head:
            if name.lower() == b"host":
                self._hosts += 1
                if self._hosts > 1:
                    self._refusal = (HTTPStatus.BAD_REQUEST, "More than one Host (RFC 9112, section 3.2).")
                    raise _RefusedError
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the timer of the head."""
        self._in_head, self._unread_bytes = False, 0
        self._head_timer.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Reset the count: the head is complete."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._in_head, self._unread_bytes, self._head_bytes, self._hosts = True, 0, 0, 0
        _stop(self._rest_timer)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the timer for the rest of an answered request's body."""
        super().on_response_complete()
        if not self._in_head and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(REST_WITHIN_S, self._disconnect)

    def pause_writing(self) -> None:
        """Start the timer of a client that does not read."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it: the client reads again."""
        _stop(self._read_timer)
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, _REFUSE if app is service_unavailable else app)

    def _disconnect(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


_REFUSE = cast("ASGI3Application", refuse_connection)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Reports that it drains before it stops to accept, so that a load balancer can send requests elsewhere."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=BoundedProtocol,
                # No WebSockets here: the chat servers are programs of their own.
                ws="none",
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
        """Start to drain on a signal."""
        self._app.state.draining = True
        super().handle_exit(sig, frame)


async def is_draining(request: Request) -> bool:
    """Whether the server of this application was asked to stop."""
    return bool(getattr(request.app.state, "draining", False))


IsDraining = Annotated[bool, Depends(is_draining)]


def raise_file_limit() -> None:
    """Raise the limit of open files to what its connections may need: the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises DependencyError if the address is in use or not of this machine."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise DependencyError(
            f"cannot listen on {host}:{port} ({error}); give another --host or --port"
        ) from error
