"""Who may see and change what: one table, asked in one place (streaming/accounts/authorization.py).

For each kind of object, in each state, each action has one verdict for each relation of the caller to the object. A
caller with several relations (an operator who is the uploader) gets the best verdict of them. Every cell is requested
from the served API by tests/streaming/accounts/test_authorization.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

Kind = Literal["video", "comment", "share", "post", "user", "upload", "audit_log"]


class Verdict(StrEnum):
    """What is answered; the status is HTTP's."""

    ALLOW = "A"
    LOG_IN = "L"
    """401: somebody who is logged in may perhaps."""
    FORBID = "F"
    """403: you may see it, and not do this."""
    HIDE = "H"
    """404: you may not know that it exists."""


class Relation(StrEnum):
    """What somebody is to an object."""

    ANYONE = "anyone"
    """Not logged in."""
    MEMBER = "member"
    """Logged in, and nothing else."""
    OWNER = "owner"
    """Whose it is: uploader, author, who shared, the account itself."""
    HOST = "host"
    """The uploader of the video that the comment or the link is about."""
    BLOCKED = "blocked"
    """Logged in, and blocked by the author, or blocks them."""
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
        # Not ready: still on its way, or refused.
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
    # Asked after its video: whoever may not read the video finds no comment there, unless they wrote it.
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
    """The best verdict for who has these relations to an object; one that the kind does not know says nothing."""
    row = PERMISSIONS[kind][state][action]
    found = {row[relation] for relation in relations if relation in row}
    return next((one for one in BEST_FIRST if one in found), Verdict.HIDE)
