"""
# measure_engagement: what each video got on a day, who was active, who came back.

| task | engine | does |
|---|---|---|
| `measure` | Spark | `engagement_daily`, `active_users_daily`, `retention` of the day and of changed ones |
| `reconcile` | - | the counters that the API shows against the lake's rows: `reconciliations` |

**Owner** engagement. **Runs** half an hour after midnight, UTC, for the day before. One at a time.

**Idempotent** yes: a day is measured from the tables, its rows replace those of the last time, and where they are the
same nothing is written. `reconciliations` is a record of runs.

**Any day again** by Airflow's own backfill, or by a run with the param `day`. Days may come in any order.

**When it fails** clear the red task once its log's cause is mended; the next night measures what has changed. Where
`reconcile` is red, a counter and the lake differ, and its log names the videos: look at `rejected_rows` first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.operators.program import ProgramOperator, day_param
from dags.operators.spark import SparkOperator
from schemas.dags import MEASURE_ENGAGEMENT, ONE_AT_A_TIME

with DAG(
    dag_id=MEASURE_ENGAGEMENT,
    description="What each video got on a day, who was active, who came back",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,  # `newsreel up` lets it run once it has been up for ten minutes
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={"day": day_param("The day, UTC, to measure; unset: that of the run's interval.")},
    default_args={
        "owner": "engagement",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=60),
    },
):
    measure = SparkOperator(task_id="measure", module="jobs.measure_engagement", by_day="always")
    reconcile = ProgramOperator(task_id="reconcile", module="jobs.reconcile")

    measure >> reconcile
