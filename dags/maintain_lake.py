"""
# maintain_lake: the lake's upkeep.

Small files are put together, in their order; what was deleted, an account's texts among it, leaves `events`; files that
no version of the last NEWSREEL_RETENTION_DAYS needs are removed, those of killed writers too. `table_sizes` has a row
for each table and day: rows, files, bytes, and what was done.

**Owner** operations. **Runs** at three in the night, UTC. One at a time; it waits for a refresh that is at work, and a
refresh waits for it.

**Idempotent** yes: what is in order is left alone. Readers, writers and time travel within the retention do not notice.

**When it fails** clear the red task once its log's cause is mended: nothing is lost by waiting, but files pile up, and
what was erased stays in old files for as long.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.operators.program import ProgramOperator, day_param
from schemas.dags import MAINTAIN_LAKE, ONE_AT_A_TIME

with DAG(
    dag_id=MAINTAIN_LAKE,
    description="The lake's upkeep: small files, erased rows, old files",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, 3, 0, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,  # `newsreel up` lets it run once it has been up for ten minutes
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={
        "day": day_param("The day, UTC, that the sizes are noted for; unset: that of the run's interval.")
    },
    default_args={
        "owner": "operations",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(hours=2),
    },
):
    ProgramOperator(task_id="maintain", module="jobs.maintain_lake", by_day="always")
