"""Catalog of a database: all that PostgreSQL knows of the live tables, their triggers and the trigger functions.

Tests: tests/stores/test_migrations.py, tests/stores/migrations/test_difference.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from schemas.channels import CHANNELS
from schemas.derive.sql import channel_triggers, definition
from schemas.table import Table

TABLES = """
    SELECT c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'), pg_get_partkeydef(c.oid),
        ARRAY(SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = c.oid ORDER BY 1)
    FROM pg_class c WHERE c.relname = ANY(%s)
"""
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), l.collname, NOT a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
    SELECT c.relname, n.conname, n.contype::text, pg_get_constraintdef(n.oid),
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum = ANY(n.conkey) ORDER BY 1)
    FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid WHERE c.relname = ANY(%s)
"""
INDEXES = """
    SELECT c.relname, x.relname, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE c.relname = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
TRIGGERS = """
    SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
"""
FUNCTIONS = """
    SELECT proname, prosrc FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
"""


class TableFacts(NamedTuple):
    """A table: its kind (`r`, or `p` where it is partitioned), comment, partition key and partitions."""

    kind: str
    comment: str | None
    partition_key: str | None
    partitions: list[str]


class ColumnFacts(NamedTuple):
    """A column of a table."""

    type: str
    collation: str | None
    nullable: bool
    default: str | None
    comment: str | None


class ConstraintFacts(NamedTuple):
    """A constraint: its kind (pg_constraint's contype), its definition and the columns that it is about."""

    kind: str
    definition: str
    columns: list[str]


@dataclass(frozen=True)
class Catalog:
    """Facts by name; by table and name where names are those of one table."""

    tables: dict[str, TableFacts]
    columns: dict[tuple[str, str], ColumnFacts]
    constraints: dict[tuple[str, str], ConstraintFacts]
    indexes: dict[tuple[str, str], str]
    """Definitions of the indexes that no constraint owns."""
    triggers: dict[tuple[str, str], str]
    """Definitions of all triggers of the database."""
    functions: dict[str, str]
    """Bodies of all trigger functions."""


def read_catalog(connection: Connection[Any], tables: Sequence[Table]) -> Catalog:
    """The catalog of some live tables, and all triggers."""
    names = [declared.name for declared in tables]

    def rows(query: str) -> list[Any]:
        with connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(query.encode(), (names,) if "%s" in query else None).fetchall()

    return Catalog(
        tables={name: TableFacts(*facts) for name, *facts in rows(TABLES)},
        columns={(table, name): ColumnFacts(*facts) for table, name, *facts in rows(COLUMNS)},
        constraints={(table, name): ConstraintFacts(*facts) for table, name, *facts in rows(CONSTRAINTS)},
        indexes={(table, name): definition for table, name, definition in rows(INDEXES)},
        triggers={(table, name): definition for table, name, definition in rows(TRIGGERS)},
        functions=dict(rows(FUNCTIONS)),
    )


def create_declared(connection: Connection[Any], tables: Sequence[Table]) -> None:
    """Create in an empty database what is declared: the live tables and all triggers.

    Of other tables that notify a channel only the column that is announced is created.
    """
    for declared in tables:
        for statement in definition(declared):
            connection.execute(statement.encode())
    names = {declared.name for declared in tables}
    for channel in CHANNELS:
        if channel.table not in names:
            connection.execute(f"CREATE TABLE {channel.table} ({channel.column} text)".encode())
            for statement in channel_triggers(channel):
                connection.execute(statement.encode())
