"""A revision's statements: the file of SQL beside it."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql_of(revision_file: str) -> None:
    """Run a whole file of SQL, as psycopg takes it: colons and percent signs mean nothing in it."""
    statements = Path(revision_file).with_suffix(".sql").read_bytes()
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statements)
