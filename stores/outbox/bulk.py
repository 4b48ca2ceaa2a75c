"""Bulk changes of one live table: rows or keys by COPY, with an event for each row that changes.

The rows are staged in a temporary table of the connection and applied in lots, one short transaction each. Rows are
locked in the order of their keys, so that concurrent imports cannot deadlock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from schemas.errors import ConflictError
from schemas.table import Table
from stores.outbox.live_rows import require_live_table
from stores.postgres import Connection

LOT_ROWS = 10_000
ATTEMPTS = 5
LOCK_TIMEOUT_MS = 30_000
INCOMING = sql.Identifier("incoming")
Row = Mapping[str, Any]
OnRejected = Callable[[int, Row, str], None]
"""Called with a row's position, the row, and the reason why it is rejected."""


def upsert_rows(
    connection: Connection,
    name: str,
    columns: Sequence[str],
    batches: Iterable[Sequence[Row]],
    on_rejected: OnRejected,
) -> int:
    """Upsert live rows; returns how many changed. Ends the connection's transactions itself.

    Rows have `columns`, validated by the declaration, and `position`, which orders them; keys are distinct. Columns
    that are not named keep their values. A row whose unique value belongs to another row, also after the import, is
    rejected. Raises ConflictError after too many conflicts with other writers.
    """
    declared = require_live_table(name)
    _stage(connection, declared, columns, batches)
    unique = [column.name for column in declared if column.unique and column.name in columns]

    def prepare() -> None:
        while any(_reject(connection, declared, column, on_rejected) for column in unique):
            pass
        _assign_lots(connection, declared, unique)

    return _apply_lots(
        connection, declared, prepare, lambda lot: _upsert(connection, declared, columns, unique, lot)
    )


def delete_rows(connection: Connection, name: str, batches: Iterable[Sequence[Row]]) -> int:
    """Delete live rows by key, ignoring unknown ones; returns how many were deleted. Rows are as for `upsert_rows`."""
    declared = require_live_table(name)
    _stage(connection, declared, declared.key, batches)
    return _apply_lots(
        connection,
        declared,
        lambda: _assign_lots(connection, declared, []),
        lambda lot: _delete(connection, declared, lot),
    )


def _stage(
    connection: Connection, declared: Table, columns: Sequence[str], batches: Iterable[Sequence[Row]]
) -> None:
    """Copy the rows into the temporary table."""
    connection.execute("SET statement_timeout = 0")
    connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}".encode())
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(INCOMING))
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} AS SELECT {}, 0::bigint AS position, 0::bigint AS lot FROM {} WITH NO DATA"
        ).format(INCOMING, _name_columns(columns), sql.Identifier(declared.name))
    )
    named = [*columns, "position"]
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(INCOMING, _name_columns(named))
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for batch in batches:
            for row in batch:
                stream.write_row([row[column] for column in named])
    for column in {*declared.key, *(column.name for column in declared if column.unique)} & {*columns}:
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(INCOMING, sql.Identifier(column)))
    connection.execute(sql.SQL("ANALYZE {}").format(INCOMING))
    connection.commit()


def _reject(connection: Connection, declared: Table, column: str, on_rejected: OnRejected) -> int:
    """Remove rows whose value of a unique column is not free; returns how many.

    A value is free if the row that has it gets another one by the same import.
    """
    kept_by_another = sql.SQL(
        """EXISTS (
          SELECT FROM {table} held WHERE held.{column} = mine.{column} AND NOT {same_key}
          AND NOT EXISTS (
            SELECT FROM {incoming} moving WHERE {moving} AND moving.{column} <> held.{column}))"""
    ).format(
        table=sql.Identifier(declared.name),
        column=sql.Identifier(column),
        incoming=INCOMING,
        same_key=_match_keys(declared, "held", "mine"),
        moving=_match_keys(declared, "moving", "held"),
    )
    holder = sql.SQL(
        "SELECT concat_ws('/', {key}) FROM {table} held WHERE held.{column} = mine.{column}"
    ).format(
        key=_name_columns(declared.key, "held"),
        table=sql.Identifier(declared.name),
        column=sql.Identifier(column),
    )
    earlier = sql.SQL(
        "FROM {incoming} other WHERE other.{column} = mine.{column} AND other.position < mine.position"
    ).format(incoming=INCOMING, column=sql.Identifier(column))
    taken_earlier = sql.SQL("EXISTS (SELECT {})").format(earlier)
    first_row = sql.SQL("SELECT 'row ' || min(other.position) || ' of the file' {}").format(earlier)
    rejected = 0
    for condition, taker in ((kept_by_another, holder), (taken_earlier, first_row)):
        query = sql.SQL("DELETE FROM {} mine WHERE {} RETURNING mine.*, ({}) AS taker").format(
            INCOMING, condition, taker
        )
        for row in connection.execute(query):
            values = {name: value for name, value in row.items() if name not in ("position", "lot", "taker")}
            shown = json.dumps(row[column], ensure_ascii=False, default=str)
            on_rejected(
                row["position"], values, f"{column} = {shown} is taken by {row['taker']}, and must be unique"
            )
            rejected += 1
    return rejected


def _assign_lots(connection: Connection, declared: Table, unique: Sequence[str]) -> None:
    """Number the lots in the order of keys, from 1; rows that pass unique values on to each other form lot 0."""
    connection.execute(
        sql.SQL(
            """UPDATE {incoming} mine SET lot = 1 + numbered.place / {size} FROM (
                 SELECT position, row_number() OVER (ORDER BY {key}) - 1 AS place FROM {incoming}
               ) numbered WHERE numbered.position = mine.position"""
        ).format(incoming=INCOMING, size=sql.Literal(LOT_ROWS), key=_name_columns(declared.key))
    )
    for column in unique:
        connection.execute(
            sql.SQL(
                """UPDATE {incoming} mine SET lot = 0 WHERE EXISTS (
                     SELECT FROM {table} held WHERE held.{column} = mine.{column} AND NOT {held_is_mine})
                   OR EXISTS (
                     SELECT FROM {table} held JOIN {incoming} other ON other.{column} = held.{column}
                     WHERE {held_is_mine} AND held.{column} <> mine.{column})"""
            ).format(
                incoming=INCOMING,
                table=sql.Identifier(declared.name),
                column=sql.Identifier(column),
                held_is_mine=_match_keys(declared, "held", "mine"),
            )
        )


def _apply_lots(
    connection: Connection, declared: Table, prepare: Callable[[], None], apply: Callable[[int], int]
) -> int:
    """Apply the staged rows lot by lot; retried from `prepare` after a conflict with another writer."""
    changed = 0
    for _ in range(ATTEMPTS):
        prepare()
        connection.commit()
        lots = connection.execute(
            sql.SQL("SELECT DISTINCT lot FROM {} ORDER BY lot").format(INCOMING)
        ).fetchall()
        try:
            for row in lots:
                applied = apply(row["lot"])
                connection.execute(sql.SQL("DELETE FROM {} WHERE lot = %s").format(INCOMING), (row["lot"],))
                connection.commit()
                changed += applied
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            connection.rollback()
            continue
        except psycopg.errors.LockNotAvailable:
            connection.rollback()
            break
        return changed
    raise ConflictError(f"{declared.name}: another transaction keeps rows locked or changes them; try again")


def _upsert(
    connection: Connection, declared: Table, columns: Sequence[str], unique: Sequence[str], lot: int
) -> int:
    if lot == 0:
        _free(connection, declared, unique)
    settable = [column for column in columns if column not in declared.key]
    action: sql.Composable = sql.SQL("NOTHING")
    if settable:
        action = sql.SQL("UPDATE SET {sets} WHERE ({held}) IS DISTINCT FROM ({new})").format(
            sets=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in settable
            ),
            held=_name_columns(settable, "held"),
            new=_name_columns(settable, "excluded"),
        )
    query = sql.SQL(
        """INSERT INTO {table} AS held ({columns}) SELECT {columns} FROM {incoming} WHERE lot = %s ORDER BY {key}
           ON CONFLICT ({key}) DO {action}"""
    ).format(
        table=sql.Identifier(declared.name),
        columns=_name_columns(columns),
        incoming=INCOMING,
        key=_name_columns(declared.key),
        action=action,
    )
    return connection.execute(query, (lot,)).rowcount


def _free(connection: Connection, declared: Table, unique: Sequence[str]) -> None:
    """Give the rows of lot 0 that change a unique value a temporary one: values may move around a cycle.

    Temporary values have no event; the same transaction replaces them.
    """
    _lock(connection, declared, 0)
    connection.execute("SET LOCAL newsreel.passing = 'on'")
    for column in unique:
        connection.execute(
            sql.SQL(
                """UPDATE {table} held SET {column} = 'moving ' || gen_random_uuid() FROM {incoming} mine
                   WHERE mine.lot = 0 AND {same_key} AND held.{column} <> mine.{column}"""
            ).format(
                table=sql.Identifier(declared.name),
                column=sql.Identifier(column),
                incoming=INCOMING,
                same_key=_match_keys(declared, "held", "mine"),
            )
        )
    connection.execute("SET LOCAL newsreel.passing = 'off'")


def _delete(connection: Connection, declared: Table, lot: int) -> int:
    _lock(connection, declared, lot)
    deleted = connection.execute(
        sql.SQL("DELETE FROM {table} held USING {incoming} mine WHERE mine.lot = %s AND {same_key}").format(
            table=sql.Identifier(declared.name),
            incoming=INCOMING,
            same_key=_match_keys(declared, "held", "mine"),
        ),
        (lot,),
    )
    return deleted.rowcount


def _lock(connection: Connection, declared: Table, lot: int) -> None:
    """Lock the existing rows of the lot, in the order of their keys."""
    query = sql.SQL(
        "SELECT {key} FROM {table} held JOIN {incoming} mine ON {same_key} WHERE mine.lot = %s ORDER BY {key}"
        " FOR UPDATE OF held"
    ).format(
        key=_name_columns(declared.key, "held"),
        table=sql.Identifier(declared.name),
        incoming=INCOMING,
        same_key=_match_keys(declared, "held", "mine"),
    )
    connection.execute(query, (lot,))


def _name_columns(columns: Sequence[str], alias: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns
    )


def _match_keys(declared: Table, one: str, other: str) -> sql.Composed:
    same = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, column), sql.Identifier(other, column))
        for column in declared.key
    )
    return sql.SQL("({})").format(same)
