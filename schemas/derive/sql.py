"""PostgreSQL definitions of the live tables, and of the triggers that write events, count rows and notify listeners.

Tests: tests/stores/test_migrations.py.
"""

from __future__ import annotations

from collections.abc import Callable

from schemas.channels import CHANNELS, MANY, Channel
from schemas.counters import COUNTER_NAMES, COUNTERS, Counter
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
TRANSITIONS = {
    "INSERT": "NEW TABLE AS after",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "OLD TABLE AS before",
}
"""Transition tables of a statement trigger, by operation."""


def live_columns(table: Table) -> list[Column]:
    """The columns that PostgreSQL stores: all but those of the lake alone."""
    return [column for column in table if column.name not in LAKE_ONLY]


def payload_columns(table: Table) -> list[Column]:
    """The columns that events contain: those that PostgreSQL stores, without personal ones."""
    return [column for column in live_columns(table) if not column.personal]


def create_table(table: Table) -> str:
    """`CREATE TABLE` with types, defaults, checks and key; ids compare by code point."""
    lines = [f"    {column_definition(column)}" for column in live_columns(table)]
    lines.append(f"    PRIMARY KEY ({', '.join(table.key)})")
    if table.ordered_pair:
        lines.append(f"    CHECK ({' < '.join(table.key)})")
    partitioned = f" PARTITION BY HASH ({table.shard_key})" if table.partitions > 1 else ""
    return f"CREATE TABLE IF NOT EXISTS {table.name} (\n" + ",\n".join(lines) + f"\n){partitioned}"


def create_partitions(table: Table) -> list[str]:
    """`CREATE TABLE … PARTITION OF`, one for each remainder; none for a table that is not partitioned."""
    if table.partitions == 1:
        return []
    width = len(str(table.partitions - 1))
    return [
        f"CREATE TABLE IF NOT EXISTS {table.name}_{number:0{width}} PARTITION OF {table.name}"
        f" FOR VALUES WITH (MODULUS {table.partitions}, REMAINDER {number})"
        for number in range(table.partitions)
    ]


def create_indexes(table: Table) -> dict[str, str]:
    """`CREATE INDEX` by the index's name, besides that of the key."""
    return {
        f"{table.name}_by_{'_'.join(columns)}": f"CREATE INDEX IF NOT EXISTS {table.name}_by_{'_'.join(columns)}"
        f" ON {table.name} ({', '.join(columns)})"
        for columns in table.indexes
    }


def comment_on_table(table: Table) -> str:
    """`COMMENT ON TABLE`."""
    return f"COMMENT ON TABLE {table.name} IS {_literal(table.comment)}"


def comment_on_column(table: Table, column: Column) -> str:
    """`COMMENT ON COLUMN`."""
    return f"COMMENT ON COLUMN {table.name}.{column.name} IS {_literal(column.comment)}"


def event_triggers(table: Table) -> list[str]:
    """A function and three triggers that write an event for each row that any statement changes.

    They fire after the statement: its rows are locked by then, so `event_id` orders the changes of one row. An update
    that changes nothing has no event. A bulk change of values that no one may read sets `newsreel.passing`.
    """
    same = _match_keys(table)
    return [
        f"""CREATE OR REPLACE FUNCTION record_{table.name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "b")}, 'deleted', {_object(table, "b", whole=False)}
        FROM before b ORDER BY {_name_columns(table, "b")};
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "a")}, 'upserted', {_object(table, "a", whole=True)}
        FROM after a ORDER BY {_name_columns(table, "a")};
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT '{table.name}', {_row_key(table, "a")}, 'upserted', {_object(table, "a", whole=True)}
        FROM after a JOIN before b ON {same} WHERE a.* IS DISTINCT FROM b.* ORDER BY {_name_columns(table, "a")};
    END IF;
    RETURN NULL;
END $$""",
        *(
            _statement_trigger(f"record_{operation.lower()}", operation, table.name, f"record_{table.name}")
            for operation in ("INSERT", "UPDATE", "DELETE")
        ),
    ]


def counter_triggers(table: Table) -> list[str]:
    """A function and triggers that add each change of a count to `tallies`; none for a table that is not counted.

    An update changes a count only by a column that a counter's condition names: keys never change.
    """
    if not table.counters:
        return []
    function = f"tally_{table.name}"
    conditions = sorted({counter.where[0] for counter in table.counters if counter.where})
    branches: list[tuple[str, str, Callable[[Counter], str], str]] = [
        ("INSERT", "video_id", count_rows, "FROM after GROUP BY video_id"),
        ("DELETE", "video_id", lambda counter: f"-{count_rows(counter)}", "FROM before GROUP BY video_id"),
    ]
    if conditions:
        changed = " OR ".join(f"a.{name} <> b.{name}" for name in conditions)
        pairs = (
            f"FROM after a JOIN before b ON {_match_keys(table)}\n        WHERE {changed} GROUP BY a.video_id"
        )
        branches.append(
            (
                "UPDATE",
                "a.video_id",
                lambda counter: f"{count_rows(counter, 'a.')} - {count_rows(counter, 'b.')}",
                pairs,
            )
        )
    body = "\n    ELS".join(
        f"""IF TG_OP = '{operation}' THEN
        INSERT INTO tallies (video_id, {", ".join(COUNTER_NAMES)})
        SELECT {video}, {", ".join(change(counter) if counter in table.counters else "0" for counter in COUNTERS)}
        {source};"""
        for operation, video, change, source in branches
    )
    return [
        f"""CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {body}
    END IF;
    RETURN NULL;
END $$""",
        *(
            _statement_trigger(f"tally_{operation.lower()}", operation, table.name, function)
            for operation, *_ in branches
        ),
    ]


def channel_triggers(channel: Channel) -> list[str]:
    """A function and triggers that notify a channel's listeners, in the transaction of the change."""
    most = channel.most_ids
    if most is None:
        body = f"    PERFORM pg_notify('{channel.name}', OLD.{channel.column});"
    else:
        body = f"""    IF (SELECT count(*) FROM (SELECT FROM before LIMIT {most + 1}) AS few) > {most} THEN
        PERFORM pg_notify('{channel.name}', '{MANY}');
    ELSE
        PERFORM pg_notify('{channel.name}', {channel.column}) FROM before;
    END IF;"""
    return [
        f"""CREATE OR REPLACE FUNCTION {channel.function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{body}
    RETURN NULL;
END $$""",
        *(
            f"CREATE OR REPLACE TRIGGER {name} AFTER {operation} ON {channel.table} "
            + (
                "FOR EACH ROW"
                if channel.most_ids is None
                else "REFERENCING OLD TABLE AS before FOR EACH STATEMENT"
            )
            + f" EXECUTE FUNCTION {channel.function}()"
            for name, operation in channel.triggers.items()
        ),
    ]


def triggers(table: Table) -> list[str]:
    """All functions and triggers of a live table."""
    return [
        *event_triggers(table),
        *counter_triggers(table),
        *(
            statement
            for channel in CHANNELS
            if channel.table == table.name
            for statement in channel_triggers(channel)
        ),
    ]


def definition(table: Table) -> list[str]:
    """All statements that make a live table, in their order; each is idempotent."""
    return [
        create_table(table),
        *create_partitions(table),
        *create_indexes(table).values(),
        comment_on_table(table),
        *(comment_on_column(table, column) for column in live_columns(table)),
        *triggers(table),
    ]


def column_definition(column: Column) -> str:
    """A column as `CREATE TABLE` and `ADD COLUMN` take it: name, type, default, checks."""
    parts = [f"{column.name} {SQL_TYPES[column.type]}"]
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


def _statement_trigger(name: str, operation: str, table: str, function: str) -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {name} AFTER {operation} ON {table} "
        f"REFERENCING {TRANSITIONS[operation]} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )


def count_rows(counter: Counter, alias: str = "") -> str:
    """The aggregate that counts what a counter counts, in PostgreSQL and in DataFusion."""
    if counter.where is None:
        return "count(*)"
    return f"count(*) FILTER (WHERE {alias}{counter.where[0]} = {_literal(counter.where[1])})"


def _match_keys(table: Table) -> str:
    return " AND ".join(f"a.{name} = b.{name}" for name in table.key)


def _row_key(table: Table, alias: str) -> str:
    return " || '/' || ".join(f"{alias}.{name}" for name in table.key)


def _name_columns(table: Table, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in table.key)


def _object(table: Table, alias: str, *, whole: bool) -> str:
    """A row in its event: JSON without personal columns, times RFC 3339 in UTC; of a deleted row the key alone."""
    columns = payload_columns(table) if whole else [table.column(name) for name in table.key]
    pairs = ", ".join(f"'{column.name}', {_to_json(column, alias)}" for column in columns)
    return f"json_build_object({pairs})::text"


def _to_json(column: Column, alias: str) -> str:
    name = f"{alias}.{column.name}"
    if column.type == "timestamp":
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return name


def _default(value: str | int | tuple[()]) -> str:
    if isinstance(value, tuple):
        return "'{}'"
    return str(value) if isinstance(value, int) else _literal(value)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
