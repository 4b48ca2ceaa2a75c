"""Permissions: one table of verdicts, consulted in one place (streaming/accounts/authorization.py).

For each kind of object and state, each action has one verdict for each relation of the caller to the object. A caller
with several relations (an operator who is the uploader) gets the best verdict of them.
Every cell is requested from the served API.

Tests: tests/streaming/accounts/test_authorization.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

Kind = Literal["video", "comment", "share", "post", "user", "upload", "audit_log"]


class Verdict(StrEnum):
    """Outcome of an authorization, with its HTTP status."""

    ALLOW = "A"
    LOG_IN = "L"
    """401: authentication is required first."""
    FORBID = "F"
    """403: authenticated, and may see the object, but not permitted this action."""
    HIDE = "H"
    """404: must not learn that the object exists."""


class Relation(StrEnum):
    """Relation of the caller to an object."""

    ANYONE = "anyone"
    """Not authenticated."""
    MEMBER = "member"
    """Authenticated, with no other relation."""
    OWNER = "owner"
    """Uploader, author, creator of the share, or the account itself."""
    HOST = "host"
    """Uploader of the video that the comment or the share belongs to."""
    BLOCKED = "blocked"
    """Authenticated, and blocked by the author, or blocks them."""
    OPERATOR = "operator"
    """Named in NEWSREEL_OPERATORS."""


BEST_FIRST = (Verdict.ALLOW, Verdict.FORBID, Verdict.HIDE, Verdict.LOG_IN)

_Row = Mapping[str, str]


def _rows(relations: str, rows: Mapping[str, str]) -> dict[str, dict[Relation, Verdict]]:
    """Rows of letters under the relations that head them."""
    heads = [Relation(name) for name in relations.split()]
    return {
        action: {head: Verdict(letter) for head, letter in zip(heads, letters.split(), strict=True)}
        for action, letters in rows.items()
    }


_VIDEO = "      anyone member owner operator"
PERMISSIONS: dict[Kind, dict[str, dict[str, dict[Relation, Verdict]]]] = {
    "video": {
        "public": _rows(
            _VIDEO,
            {
                "read": "     A  A  A  A",
                "react": "    L  A  A  A",
                "view": "     L  A  A  A",
                "comment": "  L  A  A  A",
                "share": "    L  A  A  A",
                "edit": "     L  F  A  F",
                "delete": "   L  F  A  F",
                "operate": "  L  F  F  A",
            },
        ),
        "unlisted": _rows(
            _VIDEO,
            {
                "read": "     L  A  A  A",
                "react": "    L  A  A  A",
                "view": "     L  A  A  A",
                "comment": "  L  A  A  A",
                "share": "    L  A  A  A",
                "edit": "     L  F  A  F",
                "delete": "   L  F  A  F",
                "operate": "  L  F  F  A",
            },
        ),
        "private": _rows(
            _VIDEO,
            {
                "read": "     H  H  A  A",
                "react": "    L  H  A  F",
                "view": "     L  H  A  F",
                "comment": "  L  H  A  F",
                "share": "    L  H  A  F",
                "edit": "     L  H  A  F",
                "delete": "   L  H  A  F",
                "operate": "  L  H  F  A",
            },
        ),
        # Being uploaded or processed, or rejected.
        "unready": _rows(
            _VIDEO,
            {
                "read": "     H  H  A  A",
                "react": "    L  H  F  F",
                "view": "     L  H  F  F",
                "comment": "  L  H  F  F",
                "share": "    L  H  F  F",
                "edit": "     L  H  A  F",
                "delete": "   L  H  A  F",
                "operate": "  L  H  F  A",
            },
        ),
        # Taken down.
        "removed": _rows(
            _VIDEO,
            {
                "read": "     H  H  A  A",
                "react": "    L  H  F  F",
                "view": "     L  H  F  F",
                "comment": "  L  H  F  F",
                "share": "    L  H  F  F",
                "edit": "     L  H  F  F",
                "delete": "   L  H  A  F",
                "operate": "  L  H  F  A",
            },
        ),
    },
    # Checked after its video: a caller who may not read the video gets 404, unless they wrote the comment.
    "comment": {
        "there": _rows("anyone member owner host operator", {"delete": "L F A A A"}),
    },
    "share": {
        "there": _rows("anyone member owner host operator", {"delete": "L H A A A"}),
    },
    "post": {
        "there": _rows("anyone member blocked owner operator", {"read": "L A H A A", "delete": "L F H A A"}),
    },
    "user": {
        "there": _rows(
            "anyone member owner operator",
            {"read": "L A A A", "read_personal": "L F A F", "edit": "L F A F", "delete": "L F A F"},
        ),
    },
    "upload": {
        "there": _rows("anyone member owner operator", {"read": "L H A H", "write": "L H A H"}),
    },
    "audit_log": {
        "there": _rows("anyone member operator", {"read": "L F A"}),
    },
}


def decide(kind: Kind, state: str, action: str, relations: Iterable[Relation]) -> Verdict:
    """The best verdict of a caller's relations to an object; relations that the kind does not know are ignored."""
    row = PERMISSIONS[kind][state][action]
    verdicts = {row[relation] for relation in relations if relation in row}
    return next((verdict for verdict in BEST_FIRST if verdict in verdicts), Verdict.HIDE)
