"""Refusals: problems sent before the application runs, for unreadable requests and too many connections.

They carry the headers of other responses. Tests: tests/streaming/serving/test_server.py.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.ids import new_id
from streaming.serving.headers import DEFAULT_HEADERS
from streaming.serving.problems import RETRY_AFTER_S, build_problem
from streaming.serving.request_id import HEADER


def encode_refusal(status: HTTPStatus, detail: str) -> bytes:
    """A complete HTTP/1.1 response, after which the connection is closed."""
    response = _build(status, detail)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])


async def refuse_connection(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application that serves 503, in place of ours while there are too many connections."""
    detail = "Too many connections; retry shortly."
    await _build(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(RETRY_AFTER_S)})(
        scope, receive, send
    )


def _build(status: HTTPStatus, detail: str, **headers: str) -> Response:
    return build_problem(
        status, detail, {**DEFAULT_HEADERS, HEADER: new_id(), "Connection": "close", **headers}
    )
