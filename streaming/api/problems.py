"""Errors as Problem Details (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from schemas.errors import ConflictError, DependencyError, InputError, NewsreelError, NotFoundError

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
"""When to ask again while a server that we need is away."""

STATUS_OF_ERROR: dict[type[NewsreelError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    DependencyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """One problem; its type is the status alone, as `about:blank` says."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def register_problems(app: FastAPI) -> None:
    """Answer every error of `app` with a problem. What goes wrong on our side is logged, and not told."""

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong_fields(_request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, wrong)

    @app.exception_handler(NewsreelError)
    async def our_error(request: Request, error: NewsreelError) -> JSONResponse:
        status = STATUS_OF_ERROR.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        if status == HTTPStatus.NOT_FOUND:
            return problem(status, "There is nothing at this address.")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return problem(status, error.detail)
        log.error("%s %s: %s", request.method, request.url.path, error.detail)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            detail = "A server that is needed for this does not answer; try again shortly."
            return problem(status, detail, {"Retry-After": str(RETRY_AFTER_S)})
        return problem(status, "Something went wrong on our side.")

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
