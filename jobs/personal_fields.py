"""Personal fields of live rows, by key from PostgreSQL: events carry none (house: "Events carry no personal field")."""

from __future__ import annotations

import pyarrow as pa
from psycopg import sql

from schemas.table import Table
from stores.postgres import Connection

KEYS_AT_ONCE = 10_000


def with_personal_fields(connection: Connection, declared: Table, rows: pa.Table) -> pa.Table:
    """The rows with the personal columns that PostgreSQL holds now; null where the row is gone there.

    Tables with personal columns have a key of one column.
    """
    if not declared.personal_columns:
        return rows
    (key,) = declared.key
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {key} = ANY(%s)").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, [key, *declared.personal_columns])),
        table=sql.Identifier(declared.name),
        key=sql.Identifier(key),
    )
    keys = rows[key].to_pylist()
    held = {
        row[key]: row
        for start in range(0, len(keys), KEYS_AT_ONCE)
        for row in connection.execute(query, (keys[start : start + KEYS_AT_ONCE],)).fetchall()
    }
    nobody: dict[str, object] = {}
    for name in declared.personal_columns:
        place = rows.schema.get_field_index(name)
        values = pa.array((held.get(one, nobody).get(name) for one in keys), rows.schema.field(place).type)
        rows = rows.set_column(place, rows.schema.field(place), values)
    return rows
