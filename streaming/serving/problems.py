"""Problem Details (RFC 9457): every error response."""

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
"""Retry-After while a required server is unavailable."""
LONGEST_DETAIL = 1_000
"""Characters; longer details are cut."""

STATUS_OF_ERROR: dict[type[NewsreelError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    LogInError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    DependencyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.INSUFFICIENT_STORAGE,
}
CLIENT_ERRORS = frozenset({404, 409, 401, 403, 422})
"""Statuses whose detail is the message of the error; the others' messages are logged instead."""
PHRASES = {460: "Checksum Mismatch"}
"""Phrases of statuses unknown to HTTP itself (tus 1.0.0, checksum extension)."""
INTERNAL_ERROR = "Internal server error. The server's log has it under this X-Request-Id."


class Problem(BaseModel):
    """An error, for people and programs."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def build_problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response of a problem; `about:blank` means that its type is the status alone."""
    # Text from a client may contain a lone surrogate, which UTF-8 cannot encode.
    encodable = detail[:LONGEST_DETAIL].encode(errors="backslashreplace").decode()
    body = Problem(
        title=PHRASES.get(status) or HTTPStatus(status).phrase, status=status, detail=encodable
    ).model_dump()
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def build_error_response(error: NewsreelError, operation: str) -> JSONResponse:
    """The problem of an error; server-side errors are logged and not disclosed.

    `operation`: method and path, for the log.
    """
    status = STATUS_OF_ERROR.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3: the scheme is named to a client without a valid token.
        return build_problem(status, error.detail, {"WWW-Authenticate": 'Bearer realm="newsreel"'})
    if status in CLIENT_ERRORS:
        return build_problem(status, error.detail)
    log.error("%s: %s", operation, error.detail)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        detail = "A required server is unavailable; retry shortly."
        return build_problem(status, detail, {"Retry-After": str(RETRY_AFTER_S)})
    if status is HTTPStatus.INSUFFICIENT_STORAGE:
        return build_problem(status, "Too little free space on the server; retry later.")
    return build_problem(status, INTERNAL_ERROR)


def register_problems(app: FastAPI) -> None:
    """Respond to every error of `app` with a problem."""

    @app.exception_handler(HTTPException)
    async def handle_http_error(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_list_methods(app, request.scope))
        return build_problem(error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def handle_validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        if any(each["type"] == "json_invalid" for each in errors):
            return build_problem(HTTPStatus.BAD_REQUEST, "The body is not valid JSON (RFC 8259).")
        detail = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors)
        return build_problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)

    @app.exception_handler(NewsreelError)
    async def handle_newsreel_error(request: Request, error: NewsreelError) -> JSONResponse:
        return build_error_response(error, f"{request.method} {request.url.path}")


def _list_methods(app: FastAPI, scope: Scope) -> list[str]:
    """The methods of a path: it may have a route for each, of which the framework names only the first."""
    methods: set[str] = set()
    for route in app.router.routes:
        if route.matches(scope)[0] is not Match.NONE:
            # A mount declares none, and serves reads.
            methods |= getattr(route, "methods", None) or {"GET"}
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
