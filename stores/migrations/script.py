"""SQL scripts of revisions. Tests: tests/stores/test_migrations.py."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql_of(revision_file: str) -> None:
    """Run the file of SQL beside a revision, by psycopg: colons and percent signs have no meaning in it."""
    statements = Path(revision_file).with_suffix(".sql").read_bytes()
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statements)
