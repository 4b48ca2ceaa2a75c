"""
# maintain_lake: compacts and vacuums the lake.

Compacts small files, preserving row order; removes deleted rows, including the texts of deleted accounts, from
`events`; vacuums files that no version of the last NEWSREEL_RETENTION_DAYS days needs, including orphans of killed
writers. Writes one row per table and day to `table_sizes`: rows, files, bytes, and what was done.

**Owner** operations. **Runs** daily at 03:00 UTC. One run at a time; it waits for a running refresh, and a refresh
waits for it.

**Idempotent** yes: a table that needs nothing is left alone. Readers, writers and time travel within the retention are
not affected.

**When it fails** fix the cause that the log of the red task names, and clear the task. Waiting loses nothing, but files
accumulate, and erased data stay in old files until it succeeds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.operators.program import ProgramOperator, day_param
from schemas.dags import MAINTAIN_LAKE, ONE_AT_A_TIME

with DAG(
    dag_id=MAINTAIN_LAKE,
    description="Compacts and vacuums the lake, removes erased rows",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, 3, 0, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,  # `newsreel up` unpauses it after ten minutes
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={"day": day_param("The day, UTC, to record sizes for; default: that of the run's interval.")},
    default_args={
        "owner": "operations",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(hours=2),
    },
):
    ProgramOperator(task_id="maintain", module="jobs.maintain_lake", by_day="always")
