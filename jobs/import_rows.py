"""Imported rows into tables that Spark writes and PostgreSQL does not hold: MERGE by key."""

from __future__ import annotations

import pyarrow as pa

from jobs.spark.commits import committed
from jobs.spark.session import spark_session
from schemas.tables import table
from stores.delta import lake


def merge_rows(name: str, rows: pa.Table) -> int:
    """Insert or replace whole rows by key, in one commit; returns how many changed. No JVM where none does.

    Raises DependencyError where Java is missing, ConflictError where other writers come in between too often.
    """

    def attempt() -> int:
        changed = lake().changed(name, rows)
        if changed.num_rows:
            merger = _merger(name, changed)
            merger.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        return int(changed.num_rows)

    return committed(name, attempt)


def remove_rows(name: str, keys: pa.Table) -> int:
    """Delete the rows with these keys, in one commit; returns how many there were. As `merge_rows` otherwise."""

    def attempt() -> int:
        held = lake().held(name, keys)
        if held.num_rows:
            _merger(name, held).whenMatchedDelete().execute()
        return int(held.num_rows)

    return committed(name, attempt)


def _merger(name: str, rows: pa.Table):  # type: ignore[no-untyped-def]  # delta-spark's builder has no useful type
    from delta.tables import DeltaTable

    spark = spark_session("newsreel import")
    same_key = " AND ".join(f"target.{column} = source.{column}" for column in table(name).key)
    target = DeltaTable.forPath(spark, lake().location(name)).alias("target")
    return target.merge(spark.createDataFrame(rows).alias("source"), same_key)
