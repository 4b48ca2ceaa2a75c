"""Reads of `stores.delta.read` by Spark: the same rows as by other libraries (tests/stores/delta/test_reading.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stores.delta import Lake, read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_spark_reads_a_version_without_who_somebody_is(tables: Lake, spark: SparkSession) -> None:
    person = {
        "user_id": "u",
        "user_name": "ann",
        "created": datetime(2026, 11, 23, tzinfo=UTC),
        "last_event_id": 1,
    }
    tables.merge("users", [person])
    found = read("users", "spark", session=spark)
    assert found.toArrow().to_pylist() == read("users").to_pylist()
    assert "user_name" not in found.columns
    assert read("users", "spark", session=spark, as_of=0).count() == 0
