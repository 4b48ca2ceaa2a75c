"""Spark schemas of the declared tables. Tests: tests/schemas/test_derived_forms.py."""

from __future__ import annotations

from pyspark.sql import types

from schemas.table import Column, Table

SPARK_TYPES: dict[str, types.DataType] = {
    "string": types.StringType(),
    "int64": types.LongType(),
    "float64": types.DoubleType(),
    "boolean": types.BooleanType(),
    "timestamp": types.TimestampType(),
    "date": types.DateType(),
    "binary": types.BinaryType(),
    "list<string>": types.ArrayType(types.StringType()),
}


def spark_field(column: Column) -> types.StructField:
    """One column, with its comment in the metadata, as Delta stores comments."""
    return types.StructField(
        column.name, SPARK_TYPES[column.type], column.nullable, metadata={"comment": column.comment}
    )


def spark_schema(table: Table) -> types.StructType:
    """All columns in the declared order."""
    return types.StructType([spark_field(column) for column in table])
