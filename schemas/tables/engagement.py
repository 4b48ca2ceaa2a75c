"""How videos are received, and whether what the API shows is what the lake says."""

from __future__ import annotations

from schemas.counters import COUNTER_NAMES
from schemas.table import Column, Table
from schemas.tables.columns import RUN_ID, VIDEO_ID

ENGAGEMENT_DAILY = Table(
    name="engagement_daily",
    comment="What each video got on each day, of what stands now: a like that was taken back is in no day.",
    row="one video and one day, UTC, on which something of it began",
    key=("video_id", "day"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("views", "reactions", "comments"),
    columns=(
        VIDEO_ID,
        Column("day", "date", "The day, UTC."),
        Column("views", "int64", "Sessions that began to watch it.", minimum=0),
        Column("unique_viewers", "int64", "Accounts among them.", minimum=0),
        Column("likes", "int64", "Likes since that day.", minimum=0),
        Column("dislikes", "int64", "Dislikes since that day.", minimum=0),
        Column("comments", "int64", "Comments written.", minimum=0),
        Column("watch_time_s", "float64", "Time watched in the day's sessions.", unit="s", minimum=0),
        Column(
            "event_id_sum",
            "int64",
            "Sum of last_event_id of the rows that are counted: where it differs, the day is measured again.",
            minimum=0,
        ),
    ),
)

RECONCILIATIONS = Table(
    name="reconciliations",
    comment="Counters that the API shows, beside what the lake holds of what was counted.",
    row="one counter of one run",
    key=("run_id", "counter"),
    writer="delta-rs",
    owner="engagement",
    written_by="jobs.reconcile",
    fresh_within_s=36 * 3600,
    made_from=("videos", "views", "reactions"),
    columns=(
        RUN_ID,
        Column("counter", "string", "Which of a video's.", allowed=COUNTER_NAMES),
        Column("videos", "int64", "Videos that were compared.", minimum=0),
        Column("live", "int64", "The sum that the API shows.", minimum=0),
        Column("lake", "int64", "The sum that the lake's rows give.", minimum=0),
        Column("set_by_import", "int64", "Of the difference: counters that an import set."),
        Column("differing", "int64", "Videos whose difference nothing explains.", minimum=0),
        Column("sample", "string", "Some of them, a JSON list.", nullable=True),
        Column("at", "timestamp", "When they were compared, UTC."),
    ),
)

TABLE_SIZES = Table(
    name="table_sizes",
    comment="How large each table of the lake is, and what its upkeep did.",
    row="one table on one day",
    key=("day", "table_name"),
    writer="delta-rs",
    owner="operations",
    written_by="jobs.maintain_lake",
    fresh_within_s=36 * 3600,
    columns=(
        Column("day", "date", "The day, UTC."),
        Column("table_name", "string", "The table."),
        Column("rows", "int64", "Rows in the newest version.", minimum=0),
        Column("files", "int64", "Files of the newest version.", minimum=0),
        Column("size_bytes", "int64", "Their size.", unit="bytes", minimum=0),
        Column("files_before", "int64", "Files before the upkeep.", minimum=0),
        Column(
            "stored_bytes",
            "int64",
            "All that lies in its folder, older versions included.",
            nullable=True,
            unit="bytes",
            minimum=0,
        ),
        Column("log_files", "int64", "Files of its log.", nullable=True, minimum=0),
        Column("vacuumed_files", "int64", "Files of older versions that were deleted.", minimum=0),
        Column(
            "erased_rows",
            "int64",
            "Rows that told of what was deleted or refused, and do no more.",
            minimum=0,
        ),
        Column("run_id", "string", "The run that wrote this."),
    ),
)
