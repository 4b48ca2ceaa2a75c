"""Personal fields of live rows, by key from PostgreSQL: events carry none (house: "Events carry no personal field")."""

from __future__ import annotations

import pyarrow as pa
from psycopg import sql

from schemas.table import Table
from stores.postgres import Connection

KEYS_AT_ONCE = 10_000


def with_personal_fields(connection: Connection, declared: Table, rows: pa.Table) -> pa.Table:
    """The rows with the personal columns that PostgreSQL holds now.

    Where the row is gone there they are null, or the key where a table wants one: its deletion is on its way. Tables
    with personal columns have a key of one column.
    """
    if not declared.personal_columns:
        return rows
    (key_name,) = declared.key
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {key} = ANY(%s)").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, [key_name, *declared.personal_columns])),
        table=sql.Identifier(declared.name),
        key=sql.Identifier(key_name),
    )
    keys = rows[key_name].to_pylist()
    held = {
        row[key_name]: row
        for start in range(0, len(keys), KEYS_AT_ONCE)
        for row in connection.execute(query, (keys[start : start + KEYS_AT_ONCE],)).fetchall()
    }
    nobody: dict[str, object] = {}
    for name in declared.personal_columns:
        place, needed = rows.schema.get_field_index(name), not declared.column(name).nullable
        found = [held.get(one, nobody).get(name) for one in keys]
        values = [key if value is None and needed else value for key, value in zip(keys, found, strict=True)]
        field = rows.schema.field(place)
        rows = rows.set_column(place, field, pa.array(values, field.type))
    return rows
