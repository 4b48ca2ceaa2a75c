"""Events of one live table as its rows: parsed by the declaration, the bad ones apart, the newest of each key."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark.sql import Window, types
from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

from schemas.derive.spark import SPARK_TYPES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from schemas.table import Column as DeclaredColumn
    from schemas.table import Table

UNPARSED = "_unparsed"
FROM_EVENT = ("last_event_id",)
"""Columns whose value is the event's own, not the row's."""


def parsed_events(declared: Table, events: DataFrame) -> DataFrame:
    """Rows of `events` -> (event_id, kind, row_key, row, at, new, reason), those of one table.

    `new` is a struct of the columns that events carry; `reason` says why a row cannot be taken, null where it can.
    """
    of_table = F.col("table_name") == declared.name
    parsed = F.from_json(
        "row", _event_schema(declared), {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": UNPARSED}
    )
    return (
        events.where(of_table)
        # Exploded, so that the text is parsed once: Spark would parse it again for each field that is named below.
        .select("event_id", "kind", "row_key", "row", "at", F.explode(F.array(parsed)).alias("new"))
        .select("event_id", "kind", "row_key", "row", "at", "new", _reason(declared).alias("reason"))
    )


def newest(parsed: DataFrame) -> DataFrame:
    """The newest good event of each key, and every bad one."""
    good = F.col("reason").isNull()
    newest_first = Window.partitionBy("row_key", good).orderBy(F.desc("event_id"))
    return (
        parsed.withColumn("place", F.row_number().over(newest_first))
        .where(~good | (F.col("place") == 1))
        .select(*parsed.columns)
    )


def effective(declared: Table, changes: DataFrame, target: DataFrame, events: DataFrame) -> DataFrame:
    """The changes that change the table; bad ones stay.

    Dropped are changes no newer than what the table holds, deletions of what it does not hold, and rows that a later
    deletion overtook: events of one key may reach the lake out of order, and a deleted row keeps no `last_event_id`.
    """
    of_table = F.col("table_name") == declared.name
    deletions = (
        events.where(of_table & (F.col("kind") == "deleted"))
        .groupBy("row_key")
        .agg(F.max("event_id").alias("deleted_by"))
    )
    row_key = F.concat_ws("/", *(F.col(name).cast("string") for name in declared.key))
    held = target.select(row_key.alias("row_key"), F.col("last_event_id").alias("held_event_id"))
    bad = F.col("reason").isNotNull()
    appears = F.col("held_event_id").isNull() & (F.col("kind") == "upserted")
    newer = F.col("event_id") > F.col("held_event_id")
    overtaken = F.coalesce(F.col("deleted_by") > F.col("event_id"), F.lit(False))
    return (
        changes.join(held, on="row_key", how="left")
        .join(deletions, on="row_key", how="left")
        .where(bad | ((appears | newer) & ~overtaken))
        .select(*changes.columns)
    )


def _carried(declared: Table) -> list[DeclaredColumn]:
    return [column for column in declared if not column.personal and column.name not in FROM_EVENT]


def _event_schema(declared: Table) -> types.StructType:
    fields = [types.StructField(column.name, SPARK_TYPES[column.type]) for column in _carried(declared)]
    return types.StructType([*fields, types.StructField(UNPARSED, types.StringType())])


def _reason(declared: Table) -> Column:
    """Why a parsed row cannot be taken, null where it can. A deletion needs no more than its key."""
    unparsed = F.col("row").isNull() | F.col(f"new.{UNPARSED}").isNotNull()
    other_key = F.concat_ws("/", *(F.col(f"new.{name}").cast("string") for name in declared.key)) != F.col(
        "row_key"
    )
    deleted = F.col("kind") == "deleted"
    faults = [fault for column in _carried(declared) for fault in _faults(declared, column, deleted)]
    faults.append(F.when(other_key, F.lit("its key is not the event's row_key")))
    said = F.concat_ws("; ", *faults)
    return F.when(unparsed, F.lit("it is no JSON object of the declared columns and types")).when(
        said != "", said
    )


def _faults(declared: Table, column: DeclaredColumn, deleted: Column) -> list[Column]:
    value = F.col(f"new.{column.name}")
    faults = []
    if not column.nullable:
        excused = F.lit(False) if column.name in declared.key else deleted
        faults.append(F.when(value.isNull() & ~excused, F.lit(f"{column.name} is missing")))
    broken = []
    if column.allowed:
        broken.append(~value.isin(*column.allowed))
    if column.minimum is not None:
        broken.append(value < column.minimum)
    if column.maximum is not None:
        broken.append(value > column.maximum)
    if broken:
        shown = F.concat(F.lit(f"{column.name} = "), value.cast("string"), F.lit(f", not {_bounds(column)}"))
        faults.append(F.when(reduce(or_, broken), shown))
    return faults


def _bounds(column: DeclaredColumn) -> str:
    if column.allowed:
        return f"one of {', '.join(column.allowed)}"
    low = "" if column.minimum is None else f"at least {column.minimum:g}"
    high = "" if column.maximum is None else f"at most {column.maximum:g}"
    return " and ".join(bound for bound in (low, high) if bound)
