"""
# measure_engagement: measures views and reactions per video and day, active users and retention.

| task | engine | does |
|---|---|---|
| `measure` | Spark | `engagement_daily`, `active_users_daily`, `retention` of the day and of days that have changed |
| `reconcile` | - | compares the counters that the API shows with the lake's rows: `reconciliations` |

**Owner** engagement. **Runs** daily at 00:30 UTC, for the day before. One run at a time.

**Idempotent** yes: a day's rows are computed from the tables and replace the earlier ones; if they are equal, nothing
is written. `reconciliations` is a log of runs.

**To repeat a day** use Airflow's backfill, or trigger a run with the param `day`. Days can run in any order.

**When it fails** fix the cause that the log of the red task names, and clear the task; the next daily run measures days
that have changed. If `reconcile` is red, a counter differs from the lake, and its log names the videos: look at
`rejected_rows` first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.operators.program import ProgramOperator, day_param
from dags.operators.spark import SparkOperator
from schemas.dags import MEASURE_ENGAGEMENT, ONE_AT_A_TIME

with DAG(
    dag_id=MEASURE_ENGAGEMENT,
    description="Measures views and reactions per video and day, active users and retention",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,  # `newsreel up` unpauses it after ten minutes
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={"day": day_param("The day, UTC, to measure; default: that of the run's interval.")},
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
