"""Internal queries to Delta tables, by deltalake's own engine (DataFusion). Tests: tests/stores/delta/test_lake.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from schemas.table import Table


def build_predicate(declared: Table, where: Mapping[str, Any]) -> str:
    """SQL for equalities of columns, values quoted; a list of values means any of them.

    Raises KeyError for an unknown column.
    """
    return " AND ".join(_condition(declared, name, value) for name, value in where.items())


def build_membership(declared: Table, where: Mapping[str, Iterable[Any]]) -> str:
    """SQL for rows whose columns are each among the given values. Raises KeyError for an unknown column."""
    return " AND ".join(
        f"{declared.column(name).name} IN ({', '.join(_literal(declared.name, name, value) for value in values)})"
        for name, values in where.items()
    )


def build_selection(declared: Table, columns: Sequence[str], where: Mapping[str, Any]) -> str:
    """The query for some columns of the rows that meet `where`, ordered by key. Raises KeyError for unknown columns."""
    wanted = ", ".join(declared.column(name).name for name in columns)
    condition = f" WHERE {build_predicate(declared, where)}" if where else ""
    return f"SELECT {wanted} FROM {declared.name}{condition} ORDER BY {', '.join(declared.key)}"


def build_listing(tables: Iterable[Table]) -> str:
    """The query that lists tables with the meaning of their rows."""
    rows = (f"({_text(declared.name)}, {_text(declared.row)})" for declared in tables)
    return f"SELECT table_name, one_row FROM (VALUES {', '.join(rows)}) AS tables (table_name, one_row)"


def run_query(handles: Mapping[str, DeltaTable], sql: str) -> pa.Table:
    """Run an internal query over the given tables. Queries of people go through `question` and `answer`."""
    builder = QueryBuilder()
    for name, handle in handles.items():
        builder.register(name, handle)
    rows = pa.table(builder.execute(sql))
    return rows.cast(plain_schema(rows.schema))


def _condition(declared: Table, name: str, value: Any) -> str:
    column = declared.column(name).name
    if not isinstance(value, list):
        return f"{column} = {_literal(declared.name, name, value)}"
    if not value:
        return "FALSE"
    return f"{column} IN ({', '.join(_literal(declared.name, name, one) for one in value)})"


def _literal(table_name: str, column: str, value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if type(value) is date:
        return f"DATE '{value.isoformat()}'"
    raise TypeError(f"{table_name}.{column} = {value!r}: only strings, integers and dates can be compared")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with strings in place of string views, which not every library reads."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}

    def convert(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_list(kind):
            return pa.list_(pa.field("element", convert(kind.value_type)))
        return plain.get(kind, kind)

    return pa.schema([pa.field(field.name, convert(field.type), field.nullable) for field in schema])
