"""Migration of the database of the settings to the newest revision. Tests: tests/stores/test_migrations.py."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.settings import settings
from stores import migrations
from stores.outbox.partitions import maintain_partitions
from stores.postgres import connect

MIGRATION_LOCK = 0x6E657773
"""Advisory lock, "news": one process migrates at a time."""


def migrate() -> None:
    """Migrate the database to the newest revision. Idempotent; one process at a time."""
    with connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            if migrations.current(connection) != migrations.HEAD:
                connection.commit()
                migrations.upgrade(settings().database_url or "")
            maintain_partitions(connection, datetime.now(UTC).date())
        finally:
            connection.rollback()
            connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
