"""A slice of events, taken into the live tables by Spark: parsed on its executors, MERGE on the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.commits import committed
from jobs.event_rows import effective, newest, parsed_events
from jobs.session import spark_session
from schemas.table import Table
from stores.delta import Lake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkSlice:
    """Some versions of `events`; same answers and same tables as `jobs.arrow_slice.ArrowSlice`."""

    def __init__(self, lake: Lake, start: int, end: int) -> None:
        """Versions `start` to `end`. Raises DependencyError where Java or Spark's jars are missing."""
        self._spark = spark_session("newsreel refresh")
        self._lake = lake
        self._events = self._added(start, end).cache()  # each table reads it

    def tables(self) -> set[str]:
        """The tables that events of the slice name."""
        return {row["table_name"] for row in self._events.select("table_name").distinct().collect()}

    def changes(self, declared: Table) -> list[dict[str, Any]]:
        """Events that change the table, the newest of each key, and every bad one, in their order."""
        changes = newest(parsed_events(declared, self._events))
        found = effective(declared, changes, self._read(declared.name), self._read("events"))
        changing: list[dict[str, Any]] = found.orderBy("event_id").toArrow().to_pylist()
        return changing

    def merge(self, declared: Table, rows: pa.Table, app_id: str, version: int | None) -> None:
        """Take rows with `event_kind` into the table; with `version`, as that application transaction."""
        from delta.tables import DeltaTable

        source = self._spark.createDataFrame(rows)
        same_key = " AND ".join(f"target.{name} = source.{name}" for name in declared.key)
        newer = "source.last_event_id > target.last_event_id"
        values = {name: f"source.{name}" for name in declared.column_names}

        def attempt() -> None:
            table = DeltaTable.forPath(self._spark, self._lake.location(declared.name))
            (
                table.alias("target")
                .merge(source.alias("source"), same_key)
                .whenMatchedDelete(f"{newer} AND source.event_kind = 'deleted'")
                .whenMatchedUpdate(f"{newer} AND source.event_kind = 'upserted'", set={**values})
                .whenNotMatchedInsert("source.event_kind = 'upserted'", values={**values})
                .execute()
            )

        self._as_transaction(app_id, version, lambda: committed(declared.name, attempt))

    def record(self, declared: Table, app_id: str, version: int) -> None:
        """Record an application transaction in an empty commit."""
        nothing = self._read(declared.name).limit(0).write.format("delta").mode("append")
        append = nothing.option("txnAppId", app_id).option("txnVersion", version)
        committed(declared.name, lambda: append.save(self._lake.location(declared.name)))

    def close(self) -> None:
        """Let go of the cached events."""
        self._events.unpersist()

    def _added(self, start: int, end: int) -> DataFrame:
        """Rows of `events` that the versions added (change data feed)."""
        feed = (
            self._spark.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", start)
            .option("endingVersion", end)
            .load(self._lake.location("events"))
        )
        return feed.where(feed["_change_type"] == "insert").select(
            "event_id", "table_name", "row_key", "kind", "row", "at"
        )

    def _as_transaction(self, app_id: str, version: int | None, write: Callable[[], None]) -> None:
        """Run `write`, its commit marked by the application transaction; Delta skips it where a later one is there."""
        if version is None:
            write()
            return
        marks = {"txnAppId": app_id, "txnVersion": str(version)}
        for name, value in marks.items():
            self._spark.conf.set(f"spark.databricks.delta.write.{name}", value)
        try:
            write()
        finally:
            for name in marks:
                self._spark.conf.unset(f"spark.databricks.delta.write.{name}")

    def _read(self, name: str) -> DataFrame:
        return self._spark.read.format("delta").load(self._lake.location(name))
