"""Records of the system: events, runs, quality results, rejected rows."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import RUN_ID

EVENTS = Table(
    name="events",
    comment="Every change of a live row, in the order of arrival in the lake.",
    row="one change of one live row, with all its new values except personal ones",
    key=("event_id",),
    writer="delta-rs",
    owner="outbox",
    written_by="stores.outbox.lake_sink",
    fresh_within_s=5,
    change_data_feed=True,
    columns=(
        Column("event_id", "int64", "Id; ascending in the order of the changes of a row.", minimum=1),
        Column("transaction_id", "int64", "PostgreSQL transaction of the change.", minimum=1),
        Column("table_name", "string", "Live table of the row."),
        Column("row_key", "string", "Key of the row; several columns are joined by a slash."),
        Column("kind", "string", "Kind of the change.", allowed=("upserted", "deleted")),
        Column("row", "string", "New values of the row, of a deleted row its key: a JSON object."),
        Column("at", "timestamp", "Start of the transaction, UTC."),
        Column("request_id", "string", "API request that made the change.", nullable=True),
    ),
)

PIPELINE_RUNS = Table(
    name="pipeline_runs",
    comment="Attempts of the stages of all runs: state, duration, and result or reason of the failure.",
    row="one attempt of one stage of one run",
    key=("run_id", "stage", "attempt"),
    writer="delta-rs",
    owner="operations",
    written_by="every stage",
    fresh_within_s=5,
    columns=(
        RUN_ID,
        Column("stage", "string", "Stage: inspect, match, encode, publish, reject, fail, refresh, …"),
        Column("attempt", "int64", "Number of the attempt, from 1.", minimum=1),
        Column("video_id", "string", "Video, if the stage is about one.", nullable=True),
        Column(
            "state",
            "string",
            "State; lost: its process was killed, as a later attempt noticed.",
            allowed=("running", "succeeded", "refused", "failed", "lost"),
        ),
        Column("started", "timestamp", "Start of its program, UTC."),
        Column("ended", "timestamp", "End of its program, UTC.", nullable=True),
        Column("duration_s", "float64", "Time between start and end.", nullable=True, unit="s", minimum=0),
        Column("rows", "int64", "Rows that it wrote or checked.", nullable=True, minimum=0),
        Column("detail", "string", "Result, or reason of the failure.", nullable=True),
    ),
)

QUALITY_RESULTS = Table(
    name="quality_results",
    comment="Results of Great Expectations on rows before they are published.",
    row="one expectation, checked once",
    key=("run_id", "table_name", "expectation"),
    writer="delta-rs",
    owner="operations",
    written_by="stores.quality",
    fresh_within_s=5,
    columns=(
        RUN_ID,
        Column("table_name", "string", "Table whose rows were checked."),
        Column("expectation", "string", "Expectation with its arguments."),
        Column("success", "boolean", "True if all rows met it."),
        Column("rows", "int64", "Rows checked.", minimum=0),
        Column("unexpected", "int64", "Rows that violate it.", nullable=True, minimum=0),
        Column("sample", "string", "Some of the violating values, a JSON list.", nullable=True),
        Column("at", "timestamp", "Time of the check, UTC."),
    ),
)

REJECTED_ROWS = Table(
    name="rejected_rows",
    comment="Rows that their table rejected, with the reason.",
    row="one rejected row",
    key=("table_name", "rejected_id"),
    writer="delta-rs",
    owner="operations",
    written_by="jobs.refresh_tables, `newsreel import`",
    fresh_within_s=600,
    made_from=("events",),
    columns=(
        Column("table_name", "string", "Table that rejected it."),
        Column("rejected_id", "string", "UUIDv5 of table and row; of an imported row also of its position."),
        Column(
            "run_id",
            "string",
            "DAG run that rejected it first, or `import-` and digits of the file's digest.",
        ),
        Column("row", "string", "The row as received, without personal fields."),
        Column("reason", "string", "Reason, for a person to act on."),
        Column("at", "timestamp", "Time of its event, or start of its import, UTC."),
    ),
)
