"""Keyset pages: a cursor says after which key the next page begins, so that rows that come and go move nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import HTTPException, Query, Request

from schemas.errors import InputError

DEFAULT_LIMIT, LONGEST, LONGEST_CURSOR = 20, 100, 500

Limit = Annotated[int, Query(ge=1, le=LONGEST, description="How many items a page has at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before; none for the first."),
]


PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": DEFAULT_LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "maxLength": LONGEST_CURSOR},
    },
]
"""The same two for a plain route's `openapi_extra`."""


def asked(request: Request) -> tuple[int, str | None]:
    """`limit` and `cursor` of a plain route's request. Raises InputError."""
    if not request.scope["query_string"]:
        return DEFAULT_LIMIT, None
    limit, cursor = request.query_params.get("limit", str(DEFAULT_LIMIT)), request.query_params.get("cursor")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= LONGEST):
        raise InputError(f"limit: a whole number from 1 to {LONGEST} is needed")
    if cursor is not None and len(cursor) > LONGEST_CURSOR:
        raise InputError(f"cursor: it has {LONGEST_CURSOR} characters at most")
    return int(limit), cursor


def written(*key: Any) -> str:
    """A cursor that stands after the row with this key."""
    text = json.dumps([one.isoformat() if isinstance(one, datetime) else one for one in key])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The key of a cursor, each part read by its kind (`str`, `time`). Answers 400 where it is none of ours."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if (
            not isinstance(key, list)
            or len(key) != len(kinds)
            or not all(isinstance(one, str) for one in key)
        ):
            raise ValueError
        if any("\0" in one for one in key):
            raise ValueError
        for one in key:
            one.encode()
        return [kind(one) for kind, one in zip(kinds, key, strict=True)]
    except (ValueError, RecursionError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "This cursor is none of ours.") from error


def time(text: str) -> datetime:
    """A time of a cursor. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found


def page(rows: Sequence[dict[str, Any]], limit: int, *key: str) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of a page, of which one more than `limit` was asked for, and the cursor of the next one."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return items, None
    return items, written(*(items[-1][name] for name in key))
