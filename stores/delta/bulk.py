"""Many rows of one table by their keys: which of them it holds, and which would change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from schemas.derive.arrow import arrow_schema
from schemas.table import Table
from stores.delta.query import build_membership, run_query

COMPARED = ("string", "int64")
"""Types of key columns that narrow a search; a key with others is found among the rows that these leave."""

FIRST_NAMED, LAST_NAMED = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""Times between which DataFusion's literals can name one: it counts nanoseconds."""


def build_key_condition(declared: Table) -> str:
    """The condition under which a row of `source` and one of `target` are the same row."""
    return " AND ".join(f"target.{column} = source.{column}" for column in declared.key)


def build_born_condition(declared: Table, span: tuple[datetime, datetime]) -> str:
    """A further condition on `target`: its row began in a span, both ends included. Nothing where it cannot be said."""
    start, end = span
    if not declared.born or start < FIRST_NAMED or end > LAST_NAMED:
        return ""
    first, last = (f"TIMESTAMP '{moment.isoformat(timespec='microseconds')}'" for moment in span)
    return f" AND target.{declared.born} BETWEEN {first} AND {last}"


def find_rows(handle: DeltaTable, declared: Table, keys: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows that a table holds under the keys in `keys`, their key columns among `columns`. One query."""
    schema = arrow_schema(declared)
    wanted = pa.schema([schema.field(name).remove_metadata() for name in columns])
    if not keys.num_rows:
        return wanted.empty_table()
    narrowing = [name for name in declared.key if declared.column(name).type in COMPARED]
    condition = build_membership(
        declared, {name: keys.column(name).unique().to_pylist() for name in narrowing}
    )
    query = f"SELECT {', '.join(columns)} FROM {declared.name} WHERE {condition}"
    found = run_query({declared.name: handle}, query).cast(wanted)
    asked = set(_keys(declared, keys))
    return found.filter(pa.array([key in asked for key in _keys(declared, found)], pa.bool_()))


def find_changed_rows(handle: DeltaTable, declared: Table, data: pa.Table) -> pa.Table:
    """Those of the rows, whole ones, that the table does not hold in just this form."""
    found = find_rows(handle, declared, data, declared.column_names)
    held = dict(zip(_keys(declared, found), found.to_pylist(), strict=True))
    fresh = [held.get(key) != row for key, row in zip(_keys(declared, data), data.to_pylist(), strict=True)]
    return data.filter(pa.array(fresh, pa.bool_()))


def find_missing_rows(handle: DeltaTable, declared: Table, data: pa.Table) -> pa.Table:
    """Those of the rows whose keys the table does not hold."""
    held = set(_keys(declared, find_rows(handle, declared, data, declared.key)))
    return data.filter(pa.array([key not in held for key in _keys(declared, data)], pa.bool_()))


def _keys(declared: Table, rows: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(rows.column(name).to_pylist() for name in declared.key), strict=True))
