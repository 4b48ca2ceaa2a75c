"""Errors as Problem Details (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from schemas.errors import (
    ConflictError,
    DependencyError,
    ForbiddenError,
    InputError,
    LogInError,
    NewsreelError,
    NotFoundError,
    StorageError,
)

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
"""When to ask again while a server that we need is away."""
SHOWN_CHARACTERS = 1_000

STATUS_OF_ERROR: dict[type[NewsreelError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    LogInError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    DependencyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.INSUFFICIENT_STORAGE,
}
TOLD = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""Statuses whose detail says what the error says."""
PHRASES = {460: "Checksum Mismatch"}
"""Of statuses that HTTP itself does not know (tus 1.0.0, checksum extension)."""
OUR_FAULT = "Something went wrong on our side."


class Problem(BaseModel):
    """What went wrong, for a person and for a program."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """One problem; its type is the status alone, as `about:blank` says."""
    # What somebody sent may hold half a surrogate pair, which no UTF-8 can say.
    said = detail[:SHOWN_CHARACTERS].encode(errors="backslashreplace").decode()
    body = Problem(
        title=PHRASES.get(status) or HTTPStatus(status).phrase, status=status, detail=said
    ).model_dump()
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answer_of(error: NewsreelError, what: str) -> JSONResponse:
    """The answer that an error of ours becomes. What goes wrong on our side is logged, and not told.

    `what`: method and path, for the log.
    """
    status = STATUS_OF_ERROR.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.NOT_FOUND:
        return problem(status, "There is nothing at this address.")
    if status is HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3: whoever sends no token is told which kind is needed.
        return problem(status, error.detail, {"WWW-Authenticate": 'Bearer realm="newsreel"'})
    if status in TOLD:
        return problem(status, error.detail)
    log.error("%s: %s", what, error.detail)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        detail = "A server that is needed for this does not answer; try again shortly."
        return problem(status, detail, {"Retry-After": str(RETRY_AFTER_S)})
    if status is HTTPStatus.INSUFFICIENT_STORAGE:
        return problem(status, "There is no room for this at the moment.")
    return problem(status, OUR_FAULT)


def register_problems(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(app, request.scope))
        return problem(error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def wrong_fields(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return problem(HTTPStatus.BAD_REQUEST, "The body is no JSON (RFC 8259).")
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, wrong)

    @app.exception_handler(NewsreelError)
    async def our_error(request: Request, error: NewsreelError) -> JSONResponse:
        return answer_of(error, f"{request.method} {request.url.path}")


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    """What an address answers to: it may have a route for each method, of which the framework names one alone."""
    found: set[str] = set()
    for route in app.router.routes:
        if route.matches(scope)[0] is not Match.NONE:
            # What is mounted names none, and is there to be read.
            found |= getattr(route, "methods", None) or {"GET"}
    if "GET" in found:
        found.add("HEAD")
    return sorted(found)
