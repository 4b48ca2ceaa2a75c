"""MERGE by key of imported rows into the tables that Spark writes and PostgreSQL does not hold."""

from __future__ import annotations

import pyarrow as pa

from jobs.spark.commits import commit_with_retry
from jobs.spark.session import spark_session
from schemas.tables import table
from stores.delta import lake


def merge_rows(name: str, rows: pa.Table) -> int:
    """Upsert whole rows by key, in one commit; returns how many changed. Starts no JVM if none does.

    Raises DependencyError if Java is missing, ConflictError if concurrent commits exhaust the retries.
    """

    def attempt() -> int:
        changed = lake().find_changed(name, rows)
        if changed.num_rows:
            merger = _build_merge(name, changed)
            merger.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        return int(changed.num_rows)

    return commit_with_retry(name, attempt)


def remove_rows(name: str, keys: pa.Table) -> int:
    """Delete the rows with these keys, in one commit; returns how many existed. Raises as `merge_rows` does."""

    def attempt() -> int:
        held = lake().find_keys(name, keys)
        if held.num_rows:
            _build_merge(name, held).whenMatchedDelete().execute()
        return int(held.num_rows)

    return commit_with_retry(name, attempt)


def _build_merge(name: str, rows: pa.Table):  # type: ignore[no-untyped-def]  # delta-spark's builder has no useful type
    from delta.tables import DeltaTable

    spark = spark_session("newsreel import")
    same_key = " AND ".join(f"target.{column} = source.{column}" for column in table(name).key)
    target = DeltaTable.forPath(spark, lake().location(name)).alias("target")
    return target.merge(spark.createDataFrame(rows).alias("source"), same_key)
