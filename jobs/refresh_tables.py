"""Stage `refresh`: the lake's `events` become the tables that PostgreSQL holds live, by MERGE on their key.

It goes on from the version of `events` that the last commit covers, a slice of versions at a time. The version is an
application transaction of the last live table, so it moves only after all tables took the slice: killed in between,
the slice is taken again, and each row's `last_event_id` keeps it from changing twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.commits import committed
from jobs.event_rows import effective, newest, parsed_events
from jobs.personal_fields import with_personal_fields
from jobs.session import spark_session
from schemas.derive.arrow import arrow_schema
from schemas.errors import ConflictError
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from stores.delta import lake
from stores.postgres import connect
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

APP_ID = "refresh_tables"
CURSOR_TABLE = LIVE_TABLES[-1].name
"""The table merged last; its commits say how far all of them have come."""
SLICE_VERSIONS = 10
"""Versions of `events` taken at once: as many as the driver can check in memory (the sink writes up to 20,000 rows a
version, stores/outbox/lake_sink.py)."""
REJECTED_NAMESPACE = uuid.UUID("0b6a7b0e-3f0c-5d52-9a5e-5a3f9b0f4c11")


def refreshed_version() -> int | None:
    """The version of `events` that the live tables in the lake show, None before the first refresh. No JVM."""
    return lake().transaction_version(CURSOR_TABLE, APP_ID)


def refresh(run_id: str) -> int:
    """Bring the tables up to the newest version of `events`; returns the rows changed. No Spark where none is new.

    Raises QualityError where rows break their table's suite, ConflictError where `events` is older than its cursor.
    """
    latest, done = lake().version("events"), refreshed_version()
    if done is not None and done > latest:
        raise ConflictError(
            f"tables show version {done} of events, which has {latest}: events was restored or made anew; "
            f"restore {', '.join(declared.name for declared in LIVE_TABLES)} to the same time"
        )
    if done == latest:
        return 0
    spark = spark_session("newsreel refresh")
    changed, first = 0, 0 if done is None else done + 1
    for start in range(first, latest + 1, SLICE_VERSIONS):
        end = min(start + SLICE_VERSIONS - 1, latest)
        changed += _take(spark, run_id, start, end)
    return changed


def _take(spark: SparkSession, run_id: str, start: int, end: int) -> int:
    """Take versions `start` to `end` of `events` into all tables, then record `end`. Returns the rows changed."""
    events = new_events(spark, start, end).cache()  # each table reads it
    touched = {row["table_name"] for row in events.select("table_name").distinct().collect()}
    changed, recorded = 0, False
    for declared in (declared for declared in LIVE_TABLES if declared.name in touched):
        changes = newest(parsed_events(declared, events))
        found = effective(declared, changes, _read(spark, declared.name), _read(spark, "events"))
        outcomes = found.orderBy("event_id").toArrow().to_pylist()
        _keep_rejected(run_id, declared, [event for event in outcomes if event["reason"]])
        rows = _rows(declared, [event for event in outcomes if not event["reason"]])
        recorded = declared.name == CURSOR_TABLE and bool(rows)
        if rows:
            upserted = [row for row in rows if row["kind"] == "upserted"]
            if upserted:
                check_rows(run_id, declared.name, _only(declared, upserted))
            merge(spark, declared, rows, end if recorded else None)
            changed += len(rows)
    if not recorded:
        _record(spark, end)
    events.unpersist()
    return changed


def new_events(spark: SparkSession, start: int, end: int) -> DataFrame:
    """Rows that versions `start` to `end` of `events` added (change data feed)."""
    feed = (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", start)
        .option("endingVersion", end)
        .load(lake().location("events"))
    )
    return feed.where(feed["_change_type"] == "insert").select(
        "event_id", "table_name", "row_key", "kind", "row", "at"
    )


def _rows(declared: Table, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events as rows of their table with personal fields, and `kind`."""
    if not events:
        return []
    rows = [{**event["new"], "last_event_id": event["event_id"], "kind": event["kind"]} for event in events]
    with connect() as connection:
        return with_personal_fields(connection, declared, rows)


def merge(
    spark: SparkSession, declared: Table, rows: Sequence[Mapping[str, Any]], version: int | None
) -> None:
    """MERGE changed rows on the key, newer events only; with `version`, as that application transaction."""
    from delta.tables import DeltaTable

    kind = pa.field("kind", pa.string())
    schema = pa.schema([*(field.remove_metadata() for field in _relaxed(declared)), kind])
    source = spark.createDataFrame(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    same_key = " AND ".join(f"target.{name} = source.{name}" for name in declared.key)
    newer = "source.last_event_id > target.last_event_id"
    values = {name: f"source.{name}" for name in declared.column_names}

    def attempt() -> None:
        table = DeltaTable.forPath(spark, lake().location(declared.name))
        (
            table.alias("target")
            .merge(source.alias("source"), same_key)
            .whenMatchedDelete(f"{newer} AND source.kind = 'deleted'")
            .whenMatchedUpdate(f"{newer} AND source.kind = 'upserted'", set={**values})
            .whenNotMatchedInsert("source.kind = 'upserted'", values={**values})
            .execute()
        )

    _as_transaction(spark, version, lambda: committed(declared.name, attempt))


def _record(spark: SparkSession, version: int) -> None:
    """Record that all tables cover `version`, in an empty commit: nothing else of the slice changed the last table."""
    nothing = _read(spark, CURSOR_TABLE).limit(0)
    location = lake().location(CURSOR_TABLE)
    append = (
        nothing.write.format("delta").mode("append").option("txnAppId", APP_ID).option("txnVersion", version)
    )
    committed(CURSOR_TABLE, lambda: append.save(location))


def _as_transaction(spark: SparkSession, version: int | None, write: Any) -> None:
    """Run `write` with its commit marked by the application transaction; Delta skips it where a later one is there."""
    app_id, txn_version = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
    if version is None:
        write()
        return
    spark.conf.set(app_id, APP_ID)
    spark.conf.set(txn_version, str(version))
    try:
        write()
    finally:
        spark.conf.unset(app_id)
        spark.conf.unset(txn_version)


def _keep_rejected(run_id: str, declared: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record refused rows, each once: a row that was refused before keeps the run that did."""
    if not rows:
        return
    held = lake().read("rejected_rows", columns=["rejected_id"], where={"table_name": declared.name})
    known = set(held.column("rejected_id").to_pylist())
    fresh: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["event_id"]):
        rejected_id = str(uuid.uuid5(REJECTED_NAMESPACE, f"{declared.name}\n{row['row']}"))
        if rejected_id not in known:
            kept = {"table_name": declared.name, "rejected_id": rejected_id, "run_id": run_id}
            fresh.setdefault(
                rejected_id, {**kept, "row": row["row"], "reason": row["reason"], "at": row["at"]}
            )
    lake().merge("rejected_rows", list(fresh.values()))


def _read(spark: SparkSession, name: str) -> DataFrame:
    return spark.read.format("delta").load(lake().location(name))


def _only(declared: Table, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in declared.column_names} for row in rows]


def _relaxed(declared: Table) -> list[pa.Field]:
    """The declared fields, nullable: a deletion carries no more than its key."""
    return [field.with_nullable(True) for field in arrow_schema(declared)]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    with stage_attempt("refresh", arguments, opens=True) as attempt:
        attempt.rows = refresh(arguments.run_id)
        attempt.detail = f"{attempt.rows} rows changed; events up to version {refreshed_version()}"


if __name__ == "__main__":
    main()
