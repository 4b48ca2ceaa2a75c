"""MERGE by Spark of many changes into a live table, on its key.

Tests: tests/jobs/refresh/test_event_slice.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.spark.commits import commit_with_retry
from jobs.spark.session import spark_session
from schemas.table import Table
from stores.delta import Lake
from stores.delta.bulk import build_born_condition, build_key_condition
from stores.delta.commits import ROW_VERSION, require_row_version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def merge_by_spark(
    lake: Lake,
    declared: Table,
    rows: pa.Table,
    *,
    born: tuple[datetime, datetime] | None,
    row_version: int,
) -> None:
    """The same commit as `Lake.apply` makes. Raises OutdatedError, and DependencyError without Java or Spark's jars."""
    from delta.tables import DeltaTable

    spark = spark_session("newsreel refresh")
    source = spark.createDataFrame(rows)
    condition = f"{build_key_condition(declared)}{build_born_condition(declared, born)}" if born else "FALSE"
    newer = "source.last_event_id > target.last_event_id"
    values = {name: f"source.{name}" for name in declared.column_names}

    def attempt() -> None:
        require_row_version(lake.open(declared.name), row_version)
        table = DeltaTable.forPath(spark, lake.location(declared.name))
        affected = (
            table.alias("target")
            .merge(source.alias("source"), condition)
            .whenMatchedDelete(f"{newer} AND source.event_kind = 'deleted'")
            .whenMatchedUpdate(f"{newer} AND source.event_kind = 'upserted'", set={**values})
            .whenNotMatchedInsert("source.event_kind = 'upserted'", values={**values})
            .execute()
        )
        if affected.isEmpty():  # Delta has skipped it: another commit of this row version came first
            require_row_version(lake.open(declared.name), row_version)

    with _as_transaction(spark, ROW_VERSION, row_version + 1):
        commit_with_retry(declared.name, attempt)


@contextmanager
def _as_transaction(spark: SparkSession, app_id: str, version: int) -> Iterator[None]:
    """Mark the block's commit with the application transaction; Delta skips it if that or a later one is recorded."""
    marks = {"txnAppId": app_id, "txnVersion": str(version)}
    for name, value in marks.items():
        spark.conf.set(f"spark.databricks.delta.write.{name}", value)
    try:
        yield
    finally:
        for name in marks:
            spark.conf.unset(f"spark.databricks.delta.write.{name}")
