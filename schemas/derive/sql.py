"""PostgreSQL definitions of the live tables, and of the outbox that records their changes."""

from __future__ import annotations

from schemas.table import Column, Table

SQL_TYPES = {
    "string": 'text COLLATE "C"',
    "int64": "bigint",
    "float64": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
    "binary": "bytea",
    "list<string>": "text[]",
}
LAKE_ONLY = ("last_event_id",)


def live_columns(table: Table) -> list[Column]:
    """The columns that PostgreSQL holds: all but those that only the lake knows."""
    return [column for column in table if column.name not in LAKE_ONLY]


def create_table(table: Table) -> str:
    """`CREATE TABLE` with types, defaults, checks and key; ids compare by code point."""
    lines = [_column(column) for column in live_columns(table)]
    lines.append(f"    PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE IF NOT EXISTS {table.name} (\n" + ",\n".join(lines) + "\n)"


def comments(table: Table) -> list[str]:
    """`COMMENT ON` for the table and each of its columns."""
    statements = [f"COMMENT ON TABLE {table.name} IS {_literal(table.comment)}"]
    statements += [
        f"COMMENT ON COLUMN {table.name}.{column.name} IS {_literal(column.comment)}"
        for column in live_columns(table)
    ]
    return statements


def _column(column: Column) -> str:
    parts = [f"    {column.name} {SQL_TYPES[column.type]}"]
    if not column.nullable:
        parts.append("NOT NULL")
    if column.unique:
        parts.append("UNIQUE")
    if column.default is not None:
        parts.append(f"DEFAULT {_default(column.default)}")
    if column.allowed:
        parts.append(f"CHECK ({column.name} IN ({', '.join(_literal(value) for value in column.allowed)}))")
    bounds = [
        f"{column.name} {sign} {bound:g}"
        for sign, bound in ((">=", column.minimum), ("<=", column.maximum))
        if bound is not None
    ]
    if bounds:
        parts.append(f"CHECK ({' AND '.join(bounds)})")
    return " ".join(parts)


def _default(value: str | int | tuple[()]) -> str:
    if isinstance(value, tuple):
        return "'{}'"
    return str(value) if isinstance(value, int) else _literal(value)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
