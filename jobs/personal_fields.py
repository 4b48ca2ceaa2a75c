"""Personal fields of live rows, by key from PostgreSQL: events carry none (house: "Events carry no personal field")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from schemas.table import Table
from stores.postgres import Connection


def with_personal_fields(
    connection: Connection, declared: Table, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rows with the personal columns that PostgreSQL holds now; null where the row is gone there.

    Tables with personal columns have a key of one column.
    """
    if not declared.personal_columns:
        return [dict(row) for row in rows]
    (key,) = declared.key
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {key} = ANY(%s)").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, [key, *declared.personal_columns])),
        table=sql.Identifier(declared.name),
        key=sql.Identifier(key),
    )
    found = connection.execute(query, ([row[key] for row in rows],)).fetchall()
    held = {row[key]: row for row in found}
    nothing = dict.fromkeys(declared.personal_columns)
    return [{**row, **nothing, **held.get(row[key], {})} for row in rows]
