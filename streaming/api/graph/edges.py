"""Edges of the social graph, listed in pages: friends, requests, follows, blocks.

Tests: tests/streaming/api/graph/test_friends.py, tests/streaming/api/graph/test_follows.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from streaming.serving import pagination
from streaming.serving.database import Database
from streaming.serving.fields import Body

Edges = Literal["friends", "asked", "asking", "following", "followers", "blocked"]

_EDGES: dict[Edges, str] = {
    "friends": """
        SELECT user_id_2 AS user_id, created FROM friendships
        WHERE user_id_1 = %(me)s AND user_id_2 > %(after)s
        UNION ALL
        SELECT user_id_1, created FROM friendships
        WHERE user_id_2 = %(me)s AND user_id_1 > %(after)s""",
    "asked": "SELECT asked_id AS user_id, created FROM friend_requests WHERE user_id = %(me)s AND asked_id > %(after)s",
    "asking": "SELECT user_id, created FROM friend_requests WHERE asked_id = %(me)s AND user_id > %(after)s",
    "following": """
        SELECT followee_id AS user_id, created FROM follows
        WHERE follower_id = %(me)s AND followee_id > %(after)s""",
    "followers": """
        SELECT follower_id AS user_id, created FROM follows
        WHERE followee_id = %(me)s AND follower_id > %(after)s""",
    "blocked": "SELECT blocked_id AS user_id, created FROM blocks WHERE user_id = %(me)s AND blocked_id > %(after)s",
}
_NOT_HIDDEN = """
    WHERE NOT EXISTS (SELECT FROM blocks b WHERE b.user_id = %(me)s AND b.blocked_id = e.user_id)
    AND NOT EXISTS (SELECT FROM blocks b WHERE b.user_id = e.user_id AND b.blocked_id = %(me)s)
"""


class Person(Body):
    """A user, and their state towards the caller."""

    user_id: str
    user_name: str
    created: datetime
    state: Edges


class People(Body):
    """A page of users, by id: the order of the indexes, fast even for millions of followers."""

    items: list[Person]
    next_cursor: str | None


async def list_people(
    database: Database, user_id: str, edges: Edges, limit: int, cursor: str | None
) -> People:
    """A page of the users at the other end of a user's edges; without blocked ones, except in the list of blocks."""
    after = pagination.parse_cursor(cursor, str)[0] if cursor is not None else ""
    values: dict[str, Any] = {"me": user_id, "after": after, "limit": limit + 1}
    query = f"""
        SELECT e.user_id, u.user_name, e.created FROM ({_EDGES[edges]}) e JOIN users u USING (user_id)
        {"" if edges == "blocked" else _NOT_HIDDEN}
        ORDER BY e.user_id LIMIT %(limit)s
    """
    rows, next_cursor = pagination.split_page(await database.all(query, values), limit, "user_id")
    return People(items=[Person(**row, state=edges) for row in rows], next_cursor=next_cursor)
