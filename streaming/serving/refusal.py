"""Answers to what never becomes a request, or comes when there is no room: problems too, with the headers of others."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.ids import new_id
from streaming.serving.headers import DEFAULT_HEADERS
from streaming.serving.problems import RETRY_AFTER_S, problem
from streaming.serving.request_id import HEADER


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """A whole answer, after which the connection is closed."""
    answer = _answer(status, detail)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])


async def no_room(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application in place of ours while too many are connected."""
    detail = "Too many are connected at the moment; try again shortly."
    await _answer(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(RETRY_AFTER_S)})(
        scope, receive, send
    )


def _answer(status: HTTPStatus, detail: str, **headers: str) -> Response:
    return problem(status, detail, {**DEFAULT_HEADERS, HEADER: new_id(), "Connection": "close", **headers})
