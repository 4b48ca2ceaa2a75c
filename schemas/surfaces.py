"""Surfaces: the parts of the product that somebody may be active on, as counts of active users name them."""

from __future__ import annotations

SURFACES = ("watch", "upload", "search", "feed", "people", "chat", "notifications", "account", "other")
EVERYWHERE = "all"
"""Not a surface: all of them together."""

OF_PATHS = {
    "videos": "watch",
    "uploads": "upload",
    "search": "search",
    "feed": "feed",
    "posts": "feed",
    "friends": "people",
    "follows": "people",
    "blocks": "people",
    "chat": "chat",
    "groups": "chat",
    "conversations": "chat",
    "devices": "notifications",
    "notifications": "notifications",
    "users": "account",
    "sessions": "account",
}
"""The first name of a path below /v1, and its surface."""


def find_surface(path: str) -> str:
    """The surface that a path of the API belongs to."""
    _, _, below = path.partition("/v1/")
    return OF_PATHS.get(below.partition("/")[0], "other")
