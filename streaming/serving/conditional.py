"""Conditional requests (RFC 9110, section 13): whoever has it already is told so."""

from __future__ import annotations

from starlette.requests import Request


def not_modified(request: Request, etag: str) -> bool:
    """Whether the client has what this tag names (section 13.1.2: compared weakly)."""
    given = request.headers.get("If-None-Match")
    if given is None:
        return False
    held = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in held or held == ["*"]
