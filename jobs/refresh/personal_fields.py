"""Personal fields of live rows, read from PostgreSQL by key, since events carry none (house.md).

Tests: tests/jobs/test_refresh_tables.py.
"""

from __future__ import annotations

import pyarrow as pa
from psycopg import sql

from schemas.table import Table
from stores.postgres import Connection

KEYS_AT_ONCE = 10_000


def fill_personal_fields(connection: Connection, declared: Table, rows: pa.Table) -> pa.Table:
    """The rows with their personal columns as PostgreSQL has them now.

    If the row was deleted there, its deletion event is still to come: nullable columns become null, others the key.
    Tables with personal columns have a key of one column.
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
    live = {
        row[key_name]: row
        for start in range(0, len(keys), KEYS_AT_ONCE)
        for row in connection.execute(query, (keys[start : start + KEYS_AT_ONCE],)).fetchall()
    }
    deleted: dict[str, object] = {}
    for name in declared.personal_columns:
        index, needed = rows.schema.get_field_index(name), not declared.column(name).nullable
        current = [live.get(key, deleted).get(name) for key in keys]
        values = [
            key if value is None and needed else value for key, value in zip(keys, current, strict=True)
        ]
        field = rows.schema.field(index)
        rows = rows.set_column(index, field, pa.array(values, field.type))
    return rows
