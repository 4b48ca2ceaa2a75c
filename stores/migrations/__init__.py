"""Migrations of PostgreSQL (Alembic): each a file of SQL beside its revision, made from `schemas/` and then left alone.

What all of them make together is what the declarations say; tests/stores/test_migrations.py holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

HEAD = "0006"
"""The newest revision. It is written here so that a database that has it needs no import of Alembic, which takes most
of a second in every command."""

FOLDER = Path(__file__).parent


def current(connection: Connection[dict[str, Any]]) -> str | None:
    """The revision of a database; None for one that no migration has touched."""
    [found] = connection.execute("SELECT to_regclass('alembic_version') AS name").fetchall()
    if found["name"] is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row["version_num"] if row else None


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to a revision, in one transaction. Imported late: see HEAD."""
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
