"""The record of what happened: events, runs, suites, refused rows."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import RUN_ID

EVENTS = Table(
    name="events",
    comment="Every change of a live row, in the order in which the lake took them.",
    row="one change of one live row, with its full new values save personal ones",
    key=("event_id",),
    writer="delta-rs",
    owner="outbox",
    written_by="stores.outbox.lake_sink",
    fresh_within_s=5,
    change_data_feed=True,
    columns=(
        Column("event_id", "int64", "Order of the changes of one row.", minimum=1),
        Column("transaction_id", "int64", "PostgreSQL transaction that made it.", minimum=1),
        Column("table_name", "string", "The live table."),
        Column("row_key", "string", "Its key; several columns are joined by a slash."),
        Column("kind", "string", "What happened to the row.", allowed=("upserted", "deleted")),
        Column("row", "string", "The row's new values, a JSON object."),
        Column("at", "timestamp", "When the transaction began, UTC."),
        Column("request_id", "string", "The request to the API that made it.", nullable=True),
    ),
)

PIPELINE_RUNS = Table(
    name="pipeline_runs",
    comment="What each stage of each run did, how long it took, and why it ended as it did.",
    row="one attempt of one stage of one run",
    key=("run_id", "stage", "attempt"),
    writer="delta-rs",
    owner="operations",
    written_by="every stage",
    fresh_within_s=5,
    columns=(
        RUN_ID,
        Column("stage", "string", "inspect, match, encode, publish, reject, fail, refresh."),
        Column("attempt", "int64", "Which try of the stage, from 1.", minimum=1),
        Column("video_id", "string", "The video, where the stage is about one.", nullable=True),
        Column(
            "state",
            "string",
            "How it ended; lost: its process was killed, a later attempt found it so.",
            allowed=("running", "succeeded", "refused", "failed", "lost"),
        ),
        Column("started", "timestamp", "When its program began, UTC."),
        Column("ended", "timestamp", "When its program ended, UTC.", nullable=True),
        Column("duration_s", "float64", "The time between.", nullable=True, unit="s", minimum=0),
        Column("rows", "int64", "Rows that it stands for in its tables.", nullable=True, minimum=0),
        Column("detail", "string", "What it found, or why it failed.", nullable=True),
    ),
)

QUALITY_RESULTS = Table(
    name="quality_results",
    comment="What Great Expectations found in rows before they were published.",
    row="one expectation, checked once",
    key=("run_id", "table_name", "expectation"),
    writer="delta-rs",
    owner="operations",
    written_by="stores.quality",
    fresh_within_s=5,
    columns=(
        RUN_ID,
        Column("table_name", "string", "The table whose rows were checked."),
        Column("expectation", "string", "What was expected, with its columns."),
        Column("success", "boolean", "Whether all rows met it."),
        Column("rows", "int64", "Rows checked.", minimum=0),
        Column("unexpected", "int64", "Rows that broke it.", nullable=True, minimum=0),
        Column("sample", "string", "Some of the values that broke it, a JSON list.", nullable=True),
        Column("at", "timestamp", "When it was checked, UTC."),
    ),
)

REJECTED_ROWS = Table(
    name="rejected_rows",
    comment="Rows that could not be taken into their table, with the reason.",
    row="one refused row",
    key=("table_name", "rejected_id"),
    writer="delta-rs",
    owner="operations",
    written_by="jobs.refresh_tables, `newsreel import`",
    fresh_within_s=600,
    made_from=("events",),
    columns=(
        Column("table_name", "string", "The table that refused it."),
        Column("rejected_id", "string", "UUIDv5 of table and row, of an imported one with its place."),
        Column(
            "run_id",
            "string",
            "The DAG run that refused it first, or `import-` and digits of the file's digest.",
        ),
        Column("row", "string", "The row as it came, without personal fields."),
        Column("reason", "string", "Why, for a person to act on."),
        Column("at", "timestamp", "When its event was made, or its import began, UTC."),
    ),
)
