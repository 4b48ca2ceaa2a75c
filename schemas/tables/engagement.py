"""Engagement by video and day, reconciliation of counters, and sizes of tables."""

from __future__ import annotations

from schemas.counters import COUNTER_NAMES
from schemas.table import Column, Table
from schemas.tables.columns import RUN_ID, VIDEO_ID

ENGAGEMENT_DAILY = Table(
    name="engagement_daily",
    comment="Engagement by video and day, from rows that still exist: a withdrawn like counts on no day.",
    row="one video and one day, UTC, with at least one view, reaction or comment",
    key=("video_id", "day"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("views", "reactions", "comments"),
    columns=(
        VIDEO_ID,
        Column("day", "date", "The day, UTC."),
        Column("views", "int64", "Viewing sessions that began on the day.", minimum=0),
        Column("unique_viewers", "int64", "Accounts in these sessions.", minimum=0),
        Column("likes", "int64", "Likes given on the day and not withdrawn.", minimum=0),
        Column("dislikes", "int64", "Dislikes given on the day and not withdrawn.", minimum=0),
        Column("comments", "int64", "Comments written on the day and not deleted.", minimum=0),
        Column("watch_time_s", "float64", "Time watched in these sessions.", unit="s", minimum=0),
        Column(
            "event_id_sum",
            "int64",
            "Sum of last_event_id over the counted rows; the day is measured again when it changes.",
            minimum=0,
        ),
    ),
)

RECONCILIATIONS = Table(
    name="reconciliations",
    comment="Counters of the API compared with the rows in the lake that they count.",
    row="one counter of one run",
    key=("run_id", "counter"),
    writer="delta-rs",
    owner="engagement",
    written_by="jobs.reconcile",
    fresh_within_s=36 * 3600,
    made_from=("videos", "views", "reactions"),
    columns=(
        RUN_ID,
        Column("counter", "string", "Counter of `videos`.", allowed=COUNTER_NAMES),
        Column("videos", "int64", "Videos compared.", minimum=0),
        Column("live", "int64", "Sum of the counters in PostgreSQL.", minimum=0),
        Column("lake", "int64", "Number of counted rows in the lake.", minimum=0),
        Column("set_by_import", "int64", "Part of the difference that comes from counters set by an import."),
        Column("differing", "int64", "Videos with an unexplained difference.", minimum=0),
        Column("sample", "string", "Ids of some of these videos, a JSON list.", nullable=True),
        Column("at", "timestamp", "Time of the comparison, UTC."),
    ),
)

TABLE_SIZES = Table(
    name="table_sizes",
    comment="Size of each table of the lake, and results of its maintenance.",
    row="one table on one day",
    key=("day", "table_name"),
    writer="delta-rs",
    owner="operations",
    written_by="jobs.maintain_lake",
    fresh_within_s=36 * 3600,
    columns=(
        Column("day", "date", "The day, UTC."),
        Column("table_name", "string", "Name of the table."),
        Column("rows", "int64", "Rows in the newest version.", minimum=0),
        Column("files", "int64", "Data files of the newest version.", minimum=0),
        Column("size_bytes", "int64", "Size of these files.", unit="bytes", minimum=0),
        Column("files_before", "int64", "Data files before the maintenance.", minimum=0),
        Column(
            "stored_bytes",
            "int64",
            "Size of the table's folder, older versions included.",
            nullable=True,
            unit="bytes",
            minimum=0,
        ),
        Column("log_files", "int64", "Files of the Delta log.", nullable=True, minimum=0),
        Column("vacuumed_files", "int64", "Files of older versions that were removed.", minimum=0),
        Column(
            "erased_rows",
            "int64",
            "Rows of deleted or rejected content whose text was erased.",
            minimum=0,
        ),
        Column("run_id", "string", "DAG run of the maintenance."),
    ),
)
