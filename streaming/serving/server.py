"""The HTTP server: uvicorn, with bounds on what a client may make it hold, and a drain before its end."""

from __future__ import annotations

import asyncio
import resource
import socket
from http import HTTPStatus
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from schemas.errors import DependencyError
from streaming.serving.refusal import no_room, refusal

GRACE_S = 5
"""How long a stop waits for answers that are being sent."""
CONNECTIONS = 4_000
"""More get 503: each may hold some buffers and a file descriptor."""
FILES = 2 * CONNECTIONS + 1_000
"""Each connection may read a file; some are for PostgreSQL and Redis."""
LONGEST_URL_BYTES = 8 << 10
"""Path and query; more is 414."""
LONGEST_HEAD_BYTES = 64 << 10
"""Request line and headers, also those that may follow a body; more is 431."""
MOST_HEADERS = 200
"""More are 431: every part in front of the handlers looks through them."""
HEAD_WITHIN_S = 10.0
"""A client that has not sent its headers by then is cut off (slowloris)."""
REST_WITHIN_S = 30.0
"""So long the rest of a body may take that nobody waits for, as it was answered already."""
READ_WITHIN_S = 60.0
"""A client that takes nothing of its answer for so long is cut off."""
KEEP_ALIVE_S = 20


class _RefusedError(Exception):
    """Ends the parsing of a head."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, which by itself keeps headers of any length, for any time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request's headers."""
        super().connection_made(transport)
        self._unread_bytes = 0
        self._head_bytes = 0
        self._in_head = True
        self._refusal = (HTTPStatus.BAD_REQUEST, "This is no HTTP/1.1 (RFC 9112).")
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._cut_off)
        self._answered: RequestResponseCycle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._head_timer.cancel()
        _stop(self._rest_timer)
        _stop(self._read_timer)
        if self._answered is not None:
            # Where requests were sent ahead, uvicorn tells the last of them alone.
            self._answered.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what is neither a whole head nor a body: the parser keeps it until it knows what it is."""
        if self._in_head and not self._unread_bytes and self._head_timer.cancelled():
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._cut_off)
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > LONGEST_HEAD_BYTES and not self.transport.is_closing():
            if self._in_head:
                self._refusal = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.")
                self.send_400_response("")
            else:  # in trailers: an answer may be on its way
                self._cut_off()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Refuse what cannot be read, with a problem; an answer that is on its way is cut short instead."""
        if not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle
            begun = cycle is not None and cycle.response_started and not cycle.response_complete
            if not begun and not self.pipeline:
                self.transport.write(refusal(*self._refusal))
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        """Bound its length."""
        super().on_url(url)
        if len(self.url) > LONGEST_URL_BYTES:
            self._refusal = (HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.")
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound their number and length. What follows a body (trailers) is no header of the request."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > LONGEST_HEAD_BYTES or len(self.headers) >= MOST_HEADERS:
            self._refusal = (
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The headers are too long or too many.",
            )
            raise _RefusedError
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._unread_bytes = False, 0
        self._head_timer.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """What was counted has become body."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next request may come."""
        self._in_head, self._unread_bytes, self._head_bytes = True, 0, 0
        _stop(self._rest_timer)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait no longer than `REST_WITHIN_S` for what belongs to a request that is answered."""
        super().on_response_complete()
        if not self._in_head and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(REST_WITHIN_S, self._cut_off)

    def pause_writing(self) -> None:
        """The client does not take what is there for it."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        _stop(self._read_timer)
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, _NO_ROOM if app is service_unavailable else app)

    def _cut_off(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


_NO_ROOM = cast("ASGI3Application", no_room)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Says that it drains before it stops to accept, so that a load balancer may look elsewhere."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=BoundedProtocol,
                # Nothing here is served over sockets; the chat servers are programs of their own.
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
        """A signal to end."""
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def allow_files() -> None:
    """Let this process open as many files as its connections may take: the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections there. Raises DependencyError where the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise DependencyError(
            f"cannot listen on {host}:{port} ({error}); give another --host or --port"
        ) from error
