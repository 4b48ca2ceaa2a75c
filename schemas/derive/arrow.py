"""Arrow schemas of the declared tables. Tests: tests/schemas/test_derived_forms.py."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "binary": pa.binary(),
    "list<string>": pa.list_(pa.field("element", pa.string())),
}


def arrow_field(column: Column) -> pa.Field:
    """One column, with its comment in the metadata, as Delta stores comments."""
    return pa.field(
        column.name, ARROW_TYPES[column.type], nullable=column.nullable, metadata={"comment": column.comment}
    )


def arrow_schema(table: Table) -> pa.Schema:
    """All columns in the declared order; timestamps have microseconds and are UTC."""
    return pa.schema([arrow_field(column) for column in table])
