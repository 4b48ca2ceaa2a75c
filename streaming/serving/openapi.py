"""OpenAPI document: FastAPI's, with the problems that middleware and error handlers return."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streaming.serving.problems import Problem

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
ALWAYS = {
    "400": "Malformed request: invalid JSON, invalid UTF-8 or an invalid cursor.",
    "401": "The access token is missing, invalid or expired.",
    "403": "Authenticated, but not permitted to do this.",
    "404": "It does not exist, or is not visible to the caller.",
    "408": "The body did not arrive in time.",
    "409": "Conflict with the current state.",
    "413": "The body is too long.",
    "414": "The URL is too long.",
    "415": "The body is compressed, or is not JSON.",
    "422": "A field is missing or invalid; `detail` names it.",
    "429": "Rate limit exceeded; retry after the seconds of Retry-After.",
    "431": "The headers are too long or too many.",
    "500": "Internal server error.",
    "503": "A required server is unavailable; retry after the seconds of Retry-After.",
}
TOKEN: list[dict[str, list[str]]] = [{"token": []}]
ANYONE: dict[str, Any] = {"security": []}
"""`openapi_extra` of a route that takes no token."""
ANYONE_OR_TOKEN: dict[str, Any] = {"security": [{}, *TOKEN]}
"""`openapi_extra` of a route that requires no token for public objects."""


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The document of an application; built once, then cached in it."""
    if app.openapi_schema is None:
        app.openapi_schema = _build(app)
    return app.openapi_schema


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=app.description,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.setdefault("security", TOKEN)
            for status, description in ALWAYS.items():
                declared = operation["responses"].setdefault(status, {"description": description})
                declared.setdefault("description", description)
                declared["content"] = {"application/problem+json": {"schema": _PROBLEM}}
    return document
