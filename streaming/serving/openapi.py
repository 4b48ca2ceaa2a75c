"""The OpenAPI document: FastAPI's, with the answers that the parts in front of the handlers give."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streaming.serving.problems import Problem

PROBLEM = {"$ref": "#/components/schemas/Problem"}
ALWAYS = {
    "400": "Not readable: no JSON, no UTF-8, a cursor of somebody else.",
    "401": "An access token is needed, or this one is not good (any more).",
    "403": "You may see it, and not do this with it.",
    "404": "There is no such thing, or you may not know of it.",
    "408": "The body took too long.",
    "409": "It does not fit what is there.",
    "413": "The body is too long.",
    "414": "The address is too long.",
    "415": "The body is compressed, or no JSON.",
    "422": "A field is missing or wrong.",
    "429": "Over a limit; Retry-After says when to ask again.",
    "431": "The headers are too long or too many.",
    "500": "Our fault.",
    "503": "A server that is needed does not answer; Retry-After says when to ask again.",
}
TOKEN: list[dict[str, list[str]]] = [{"token": []}]
ANYONE: dict[str, Any] = {"security": []}
"""`openapi_extra` of a route that needs no token."""
ANYONE_OR_TOKEN: dict[str, Any] = {"security": [{}, *TOKEN]}
"""`openapi_extra` of a route that needs no token for public objects."""


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
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
                declared["content"] = {"application/problem+json": {"schema": PROBLEM}}
    return document
