"""PostgreSQL: connections, and the database brought to the newest revision."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from schemas.errors import DependencyError
from schemas.settings import settings
from stores import migrations

Connection = psycopg.Connection[dict[str, Any]]

STATEMENT_TIMEOUT_MS = 30_000
MIGRATION_LOCK = 0x6E657773
"""Advisory lock of those who migrate, "news"."""


def connect() -> Connection:
    """A connection with rows as dicts and bounded statements. Raises DependencyError where there is no server."""
    url = settings().database_url
    if not url:
        raise DependencyError("NEWSREEL_DATABASE_URL is not set: start this through `newsreel`, or set it")
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
        raise DependencyError(f"PostgreSQL (NEWSREEL_DATABASE_URL) cannot be reached: {reason}") from error


def advisory_lock(*words: str) -> int:
    """The number of the advisory lock that these words name."""
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], signed=True)


def migrate() -> None:
    """Bring the database to the newest revision. Idempotent; one process at a time."""
    from stores.outbox.partitions import keep_partitions

    with connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            if migrations.current(connection) != migrations.HEAD:
                connection.commit()
                migrations.upgrade(settings().database_url or "")
            keep_partitions(connection, datetime.now(UTC).date())
        finally:
            connection.rollback()
            connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
