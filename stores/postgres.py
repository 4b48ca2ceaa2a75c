"""PostgreSQL: connections and ids of advisory locks. Tests: tests/stores/test_fence.py.

Tests: tests/stores/test_fence.py, tests/stores/test_migrations.py.
"""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg
from psycopg.rows import dict_row

from schemas.errors import DependencyError
from schemas.settings import settings

Connection = psycopg.Connection[dict[str, Any]]

STATEMENT_TIMEOUT_MS = 30_000


def connect() -> Connection:
    """A connection with rows as dicts and a statement timeout. Raises DependencyError if the server is unreachable."""
    url = settings().database_url
    if not url:
        raise DependencyError("NEWSREEL_DATABASE_URL is not set: set it, or run this by `newsreel exec`")
    options = {"statement_timeout": STATEMENT_TIMEOUT_MS, "timezone": "UTC"}
    if request_id := settings().request_id:
        options["newsreel.request_id"] = request_id
    try:
        return psycopg.connect(
            url,
            row_factory=dict_row,
            connect_timeout=5,
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DependencyError(f"PostgreSQL (NEWSREEL_DATABASE_URL) is unreachable: {reason}") from error


def advisory_lock_id(*words: str) -> int:
    """The id of the advisory lock with this name."""
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], signed=True)
