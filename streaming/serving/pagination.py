"""Keyset pagination: a cursor is the key of the last row of a page, so inserted and deleted rows shift nothing."""

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

Limit = Annotated[int, Query(ge=1, le=LONGEST, description="Largest number of items in a page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CURSOR,
        description="`next_cursor` of the previous page; omit it for the first page.",
    ),
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
"""`limit` and `cursor` for a plain route's `openapi_extra`."""


def parse_parameters(request: Request) -> tuple[int, str | None]:
    """`limit` and `cursor` of a plain route's request. Raises InputError."""
    if not request.scope["query_string"]:
        return DEFAULT_LIMIT, None
    limit, cursor = request.query_params.get("limit", str(DEFAULT_LIMIT)), request.query_params.get("cursor")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= LONGEST):
        raise InputError(f"limit: must be an integer from 1 to {LONGEST}.")
    if cursor is not None and len(cursor) > LONGEST_CURSOR:
        raise InputError(f"cursor: must have at most {LONGEST_CURSOR} characters.")
    return int(limit), cursor


def encode_cursor(*key: Any) -> str:
    """The cursor of a page that ends with the row of this key."""
    text = json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in key])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(cursor: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The key of a cursor, each part parsed by its kind (`str`, `parse_time`). Raises HTTPException (400)."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if (
            not isinstance(key, list)
            or len(key) != len(kinds)
            or not all(isinstance(part, str) for part in key)
        ):
            raise ValueError
        if any("\0" in part for part in key):
            raise ValueError
        for part in key:
            part.encode()
        return [kind(part) for kind, part in zip(kinds, key, strict=True)]
    except (ValueError, RecursionError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Invalid cursor.") from error


def parse_time(text: str) -> datetime:
    """A time of a cursor. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no offset")
    return time


def split_page(
    rows: Sequence[dict[str, Any]], limit: int, *key: str
) -> tuple[list[dict[str, Any]], str | None]:
    """The items of a page and the cursor of the next one (None for the last), of up to `limit + 1` rows."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return items, None
    return items, encode_cursor(*(items[-1][name] for name in key))
