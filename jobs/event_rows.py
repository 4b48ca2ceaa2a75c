"""Events of one live table as its rows, in Spark: parsed by the declaration, the newest of each key, what it changes.

Each step has its like in `jobs.arrow_slice`; tests/jobs/test_same_slices.py holds the two together.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import Window, types
from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

from jobs.event_values import EVENT_FIELDS, carried, parsed_batches
from schemas.derive.spark import SPARK_TYPES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.table import Table


def parsed_events(declared: Table, events: DataFrame) -> DataFrame:
    """Rows of `events` -> (event_id, kind, row_key, row, at, new, reason), those of one table.

    `new` is a struct of the columns that events carry; `reason` says why a row cannot be taken, null where it can.
    In Python on the executors, so that there is one reading of an event's text, not Spark's and ours.
    """
    of_table = F.col("table_name") == declared.name
    named = events.where(of_table).select([field.name for field in EVENT_FIELDS])
    new = types.StructType(
        [types.StructField(column.name, SPARK_TYPES[column.type]) for column in carried(declared)]
    )
    parsed = types.StructType(
        [*named.schema, types.StructField("new", new), types.StructField("reason", types.StringType())]
    )
    return named.mapInArrow(partial(parsed_batches, declared), parsed)


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
