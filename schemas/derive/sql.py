"""PostgreSQL definitions of the live tables, and of the triggers that record each of their changes as an event."""

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


def carried(table: Table) -> list[Column]:
    """The columns that events carry: what PostgreSQL holds and nobody's name, address or the like."""
    return [column for column in live_columns(table) if not column.personal]


def create_table(table: Table) -> str:
    """`CREATE TABLE` with types, defaults, checks and key; ids compare by code point."""
    lines = [_column(column) for column in live_columns(table)]
    lines.append(f"    PRIMARY KEY ({', '.join(table.key)})")
    if table.ordered_pair:
        lines.append(f"    CHECK ({' < '.join(table.key)})")
    partitioned = f" PARTITION BY HASH ({table.shard_key})" if table.partitions > 1 else ""
    return f"CREATE TABLE IF NOT EXISTS {table.name} (\n" + ",\n".join(lines) + f"\n){partitioned}"


def partitions(table: Table) -> list[str]:
    """`CREATE TABLE … PARTITION OF`, one for each remainder; none for a table that is not partitioned."""
    if table.partitions == 1:
        return []
    width = len(str(table.partitions - 1))
    return [
        f"CREATE TABLE IF NOT EXISTS {table.name}_{number:0{width}} PARTITION OF {table.name}"
        f" FOR VALUES WITH (MODULUS {table.partitions}, REMAINDER {number})"
        for number in range(table.partitions)
    ]


def indexes(table: Table) -> list[str]:
    """`CREATE INDEX`, besides the key's."""
    return [
        f"CREATE INDEX IF NOT EXISTS {table.name}_by_{'_'.join(columns)} ON {table.name} ({', '.join(columns)})"
        for columns in table.indexes
    ]


def comments(table: Table) -> list[str]:
    """`COMMENT ON` for the table and each of its columns."""
    statements = [f"COMMENT ON TABLE {table.name} IS {_literal(table.comment)}"]
    statements += [
        f"COMMENT ON COLUMN {table.name}.{column.name} IS {_literal(column.comment)}"
        for column in live_columns(table)
    ]
    return statements


def event_triggers(table: Table) -> list[str]:
    """A function and three triggers that write an event for each row that a statement changes, whoever runs it.

    They fire after the statement: its rows are locked by then, so `event_id` orders the changes of one row. An update
    that changes nothing has no event. A bulk change that only makes room says so in `newsreel.passing`.
    """
    same = " AND ".join(f"a.{name} = b.{name}" for name in table.key)
    return [
        f"""CREATE OR REPLACE FUNCTION record_{table.name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "b")}, 'deleted', {_object(table, "b", whole=False)}
        FROM before b ORDER BY {_names(table, "b")};
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "a")}, 'upserted', {_object(table, "a", whole=True)}
        FROM after a ORDER BY {_names(table, "a")};
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "a")}, 'upserted', {_object(table, "a", whole=True)}
        FROM after a JOIN before b ON {same} WHERE a.* IS DISTINCT FROM b.* ORDER BY {_names(table, "a")};
    END IF;
    RETURN NULL;
END $$""",
        *(
            f"CREATE OR REPLACE TRIGGER record_{operation.lower()} AFTER {operation} ON {table.name} "
            f"REFERENCING {referencing} FOR EACH STATEMENT EXECUTE FUNCTION record_{table.name}()"
            for operation, referencing in (
                ("INSERT", "NEW TABLE AS after"),
                ("UPDATE", "OLD TABLE AS before NEW TABLE AS after"),
                ("DELETE", "OLD TABLE AS before"),
            )
        ),
    ]


def definition(table: Table) -> list[str]:
    """All statements that make a live table, in their order; each may be run again."""
    return [
        create_table(table),
        *partitions(table),
        *indexes(table),
        *comments(table),
        *event_triggers(table),
    ]


def _row_key(table: Table, alias: str) -> str:
    return " || '/' || ".join(f"{alias}.{name}" for name in table.key)


def _names(table: Table, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in table.key)


def _object(table: Table, alias: str, *, whole: bool) -> str:
    """A row as its event carries it: JSON without personal columns, times RFC 3339 in UTC; of a deleted one its key."""
    said = carried(table) if whole else [table.column(name) for name in table.key]
    pairs = ", ".join(f"'{column.name}', {_in_json(column, alias)}" for column in said)
    return f"json_build_object({pairs})::text"


def _in_json(column: Column, alias: str) -> str:
    name = f"{alias}.{column.name}"
    if column.type == "timestamp":
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return name


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
