"""Conditional requests (RFC 9110, section 13): 304 for a client whose copy is current."""

from __future__ import annotations

from starlette.requests import Request


def matches_etag(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` has this tag (section 13.1.2: weak comparison)."""
    given = request.headers.get("If-None-Match")
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or tags == ["*"]
