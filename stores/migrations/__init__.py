"""Migrations of PostgreSQL (Alembic): each is a file of SQL beside its revision, and never changes once released.

Together they make what `schemas/` declares. Tests: tests/stores/test_migrations.py.

Tests: tests/stores/test_migrations.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

HEAD = "0006"
"""The newest revision, written here so that a command on a migrated database need not import Alembic, which takes most
of a second."""

FOLDER = Path(__file__).parent


def current(connection: Connection[dict[str, Any]]) -> str | None:
    """The revision of a database; None if it was never migrated."""
    [table] = connection.execute("SELECT to_regclass('alembic_version') AS name").fetchall()
    if table["name"] is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row["version_num"] if row else None


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate a database to a revision, in one transaction. Alembic is imported here: see HEAD."""
    import psycopg
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
