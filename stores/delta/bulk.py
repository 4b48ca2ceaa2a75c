"""Lookups of many rows of one table by key. Tests: tests/stores/delta/test_lake.py."""

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
"""Types of key columns that narrow a search in SQL; key columns of other types are compared here."""

FIRST_NAMED, LAST_NAMED = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""Range of DataFusion's time literals: it counts nanoseconds."""


def build_key_condition(declared: Table) -> str:
    """The condition for a row of `source` and one of `target` having the same key."""
    return " AND ".join(f"target.{column} = source.{column}" for column in declared.key)


def build_born_condition(declared: Table, span: tuple[datetime, datetime]) -> str:
    """A further condition on `target`: its row was created in a closed span. Empty where SQL cannot express it."""
    start, end = span
    if not declared.born or start < FIRST_NAMED or end > LAST_NAMED:
        return ""
    first, last = (f"TIMESTAMP '{moment.isoformat(timespec='microseconds')}'" for moment in span)
    return f" AND target.{declared.born} BETWEEN {first} AND {last}"


def find_rows(handle: DeltaTable, declared: Table, keys: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows of a table with the keys in `keys`, by one query. `columns` must include the key columns."""
    schema = arrow_schema(declared)
    wanted = pa.schema([schema.field(name).remove_metadata() for name in columns])
    if not keys.num_rows:
        return wanted.empty_table()
    narrowing = [name for name in declared.key if declared.column(name).type in COMPARED]
    condition = build_membership(
        declared, {name: keys.column(name).unique().to_pylist() for name in narrowing}
    )
    query = f"SELECT {', '.join(columns)} FROM {declared.name} WHERE {condition}"
    rows = run_query({declared.name: handle}, query).cast(wanted)
    requested = set(_keys(declared, keys))
    return rows.filter(pa.array([key in requested for key in _keys(declared, rows)], pa.bool_()))


def find_changed_rows(handle: DeltaTable, declared: Table, data: pa.Table) -> pa.Table:
    """The rows, given as whole ones, that the table lacks or holds with other values."""
    stored = find_rows(handle, declared, data, declared.column_names)
    by_key = dict(zip(_keys(declared, stored), stored.to_pylist(), strict=True))
    differs = [
        by_key.get(key) != row for key, row in zip(_keys(declared, data), data.to_pylist(), strict=True)
    ]
    return data.filter(pa.array(differs, pa.bool_()))


def find_missing_rows(handle: DeltaTable, declared: Table, data: pa.Table) -> pa.Table:
    """The rows whose keys the table lacks."""
    stored = set(_keys(declared, find_rows(handle, declared, data, declared.key)))
    return data.filter(pa.array([key not in stored for key in _keys(declared, data)], pa.bool_()))


def _keys(declared: Table, rows: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(rows.column(name).to_pylist() for name in declared.key), strict=True))
