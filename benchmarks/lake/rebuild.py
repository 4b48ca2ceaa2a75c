"""Rebuild of the live tables from all events by another engine: `python -m benchmarks.lake.rebuild ENGINE`.

ENGINE is duckdb or polars; each is used as its own users would. Reads its task as JSON from stdin,
`{"files": [...], "folder": ...}`; prints wall and CPU seconds without import and start-up, and the rows of each table.
The newest event of each row counts, deleted rows are dropped, values have the declared types, the result is one Parquet
file per table. It does less than a refresh: it checks no bounds, keeps no rejected rows and validates no suite.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.derive.sql import payload_columns
from schemas.tables import LIVE_TABLES

FROM_EVENT = "last_event_id"
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "list<string>": "VARCHAR[]",
}
MEMORY = "12GB"


def rebuild_by_duckdb(files: list[str], folder: Path) -> dict[str, int]:
    """Rebuild with one query per table: the newest event of each key, its JSON parsed."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
    rows = {}
    for declared in LIVE_TABLES:
        struct = json.dumps({column.name: DUCKDB_TYPES[column.type] for column in payload_columns(declared)})
        target = folder / f"{declared.name}.parquet"
        connection.execute(
            f"""COPY (
                SELECT unnest(from_json(row, '{struct}')), event_id AS last_event_id FROM (
                    SELECT arg_max(row, event_id) AS row, arg_max(kind, event_id) AS kind, max(event_id) AS event_id
                    FROM read_parquet($files) WHERE table_name = $name AND json_valid(row) GROUP BY row_key
                ) WHERE kind = 'upserted'
            ) TO '{target}' (FORMAT parquet)""",
            {"files": files, "name": declared.name},
        )
        [[count]] = connection.execute(f"SELECT count(*) FROM '{target}'").fetchall()
        rows[declared.name] = int(count)
    return rows


def rebuild_by_polars(files: list[str], folder: Path) -> dict[str, int]:
    """Rebuild with one lazy query per table, on the streaming engine."""
    import polars as pl

    types: dict[str, Any] = {
        "string": pl.String,
        "int64": pl.Int64,
        "float64": pl.Float64,
        "boolean": pl.Boolean,
        "timestamp": pl.String,
        "date": pl.String,
        "list<string>": pl.List(pl.String),
    }
    rows = {}
    for declared in LIVE_TABLES:
        columns = payload_columns(declared)
        struct = pl.Struct({column.name: types[column.type] for column in columns})
        times = [
            pl.col(column.name).str.to_datetime(time_unit="us", time_zone="UTC")
            if column.type == "timestamp"
            else pl.col(column.name).str.to_date()
            for column in columns
            if column.type in ("timestamp", "date")
        ]
        target = folder / f"{declared.name}.parquet"
        (
            pl.scan_parquet(files)
            .filter(pl.col("table_name") == declared.name, pl.col("row").str.starts_with("{"))
            .group_by("row_key")
            .agg(pl.col("event_id", "kind", "row").sort_by("event_id").last())
            .filter(pl.col("kind") == "upserted")
            .select(
                pl.col("row").str.json_decode(struct).struct.unnest(), pl.col("event_id").alias(FROM_EVENT)
            )
            .with_columns(times)
            .sink_parquet(target)
        )
        rows[declared.name] = int(pl.scan_parquet(target).select(pl.len()).collect().item())
    return rows


ENGINES: dict[str, tuple[str, Callable[[list[str], Path], dict[str, int]]]] = {
    "duckdb": ("duckdb", rebuild_by_duckdb),
    "polars": ("polars", rebuild_by_polars),
}


def main() -> int:
    """Rebuild, and print the cost."""
    module, rebuild = ENGINES[sys.argv[1]]
    task = json.load(sys.stdin)
    folder = Path(task["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    __import__(module)
    begun, before = time.monotonic(), os.times()
    rows = rebuild(task["files"], folder)
    after = os.times()
    cpu_s = after.user - before.user + after.system - before.system
    print(json.dumps({"wall_s": time.monotonic() - begun, "cpu_s": cpu_s, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
