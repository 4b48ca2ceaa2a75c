"""Draft of the next migration: its file of SQL, its revision, and the new HEAD.

Tests: tests/stores/migrations/test_difference.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import psycopg

from schemas.errors import InputError, StageError
from schemas.table import Table
from stores import migrations
from stores.migrations.catalog import create_declared, read_catalog
from stores.migrations.difference import derive_statements

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
HEAD_LINE = re.compile(r'^HEAD = "\d{4}"$', re.MULTILINE)
REVISION = '''"""{title}, derived from the declarations."""

from stores.migrations.script import run_sql_of

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
'''


def draft_statements(migrated_url: str, empty_url: str, tables: Sequence[Table]) -> list[str]:
    """The SQL that brings a migrated database to what is declared; none where it is there already.

    `empty_url`: a database in which what is declared is created. In both databases nothing is left. Raises InputError
    where the SQL cannot be derived.
    """
    with psycopg.connect(migrated_url) as migrated, psycopg.connect(empty_url) as empty:
        create_declared(empty, tables)
        wanted = read_catalog(empty, tables)
        statements = derive_statements(read_catalog(migrated, tables), wanted, tables)
        for statement in statements:
            migrated.execute(statement.encode())
        if read_catalog(migrated, tables) != wanted:
            raise StageError(
                "the derived SQL does not make what is declared: a fault of stores/migrations/difference.py"
            )
        migrated.rollback()
        empty.rollback()
    return statements


def write_migration(statements: Sequence[str], name: str, folder: Path = migrations.FOLDER) -> list[Path]:
    """Write the next revision and the new HEAD; returns the files. Raises InputError for an invalid name."""
    if not NAME.fullmatch(name):
        raise InputError(f"invalid migration name {name!r}: use a-z, 0-9 and _, as in add_user_language")
    revision = f"{int(migrations.HEAD) + 1:04}"
    title = name.replace("_", " ").capitalize()
    script = folder / "versions" / f"{revision}_{name}.sql"
    script.write_text(
        "-- From the declarations in schemas/, by `python -m newsreel.derived --migration`.\n"
        + "".join(f"{statement};\n" for statement in statements)
    )
    program = script.with_suffix(".py")
    program.write_text(REVISION.format(title=title, revision=revision, down_revision=migrations.HEAD))
    package = folder / "__init__.py"
    package.write_text(HEAD_LINE.sub(f'HEAD = "{revision}"', package.read_text()))
    return [script, program, package]
