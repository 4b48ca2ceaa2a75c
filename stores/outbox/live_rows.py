"""Live rows: find and upsert one by its key; the tables' triggers write the event of each change in the transaction.

Tests: tests/stores/outbox/test_lake_sink.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from schemas.derive.sql import live_columns
from schemas.errors import NotFoundError
from schemas.table import Table
from schemas.tables import table
from stores.postgres import Connection


def find_row(
    connection: Connection, name: str, key: Mapping[str, Any], *, lock: bool = False
) -> dict[str, Any] | None:
    """The live row with this key, or None; with `lock`, locked until the transaction ends."""
    declared = require_live_table(name)
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {condition}{lock}").format(
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in live_columns(declared)),
        table=sql.Identifier(declared.name),
        condition=_match_key(key),
        lock=sql.SQL(" FOR UPDATE") if lock else sql.SQL(""),
    )
    return connection.execute(query, list(key.values())).fetchone()


def upsert_row(connection: Connection, name: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Insert or update one live row, in the caller's transaction; False if nothing changes.

    The table's triggers write the event. `values` may name some of the columns; the others keep their values, or get
    their defaults.
    """
    declared = require_live_table(name)
    row = find_row(connection, name, key, lock=True)
    if row is not None and all(row[column] == value for column, value in values.items()):
        return False
    if row is None:
        wanted = {**key, **values}
        statement = sql.SQL(
            "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING"
        ).format(
            table=sql.Identifier(declared.name),
            columns=sql.SQL(", ").join(map(sql.Identifier, wanted)),
            values=sql.SQL(", ").join(sql.Placeholder() * len(wanted)),
            key=sql.SQL(", ").join(map(sql.Identifier, declared.key)),
        )
        if not connection.execute(statement, list(wanted.values())).rowcount:
            return upsert_row(connection, name, key, values)  # another transaction inserted it meanwhile
    else:
        statement = sql.SQL("UPDATE {table} SET {changes} WHERE {condition}").format(
            table=sql.Identifier(declared.name),
            changes=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder()) for column in values
            ),
            condition=_match_key(key),
        )
        connection.execute(statement, [*values.values(), *key.values()])
    return True


def require_live_table(name: str) -> Table:
    """The declaration of a live table. Raises NotFoundError."""
    declared = table(name)
    if not declared.live:
        raise NotFoundError(f"{name} is not a live table: PostgreSQL does not store it")
    return declared


def _match_key(key: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder()) for column in key
    )
