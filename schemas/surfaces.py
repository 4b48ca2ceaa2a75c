"""Surfaces: the parts of the product in which accounts are counted as active.

Tests: tests/streaming/accounts/test_activity.py.
"""

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
"""Surfaces by the first segment of a path below /v1."""


def find_surface(path: str) -> str:
    """The surface of a path of the API."""
    _, _, below = path.partition("/v1/")
    return OF_PATHS.get(below.partition("/")[0], "other")
