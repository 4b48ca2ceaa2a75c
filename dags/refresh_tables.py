"""
# refresh_tables: events become the tables of users, videos and all that people do.

The lake's `events` go into the tables that PostgreSQL holds live, by MERGE on their key.

**Owner** tables. **Runs** when the sink says that it has written to `events`, and takes what is new; and soon after
midnight, UTC, for the day before: then it takes all events of that day once more. One at a time.

**Idempotent** yes: a repeat finds each row at its `last_event_id` and writes nothing.

**Any day again** by Airflow's own backfill (`airflow backfill create --dag-id refresh_tables --from-date 2026-11-01
--to-date 2026-11-30 --reprocess-behavior completed`), or by a run with the param `day`. Days may come in any order.

**When it fails** nothing is lost: the events stay where they are, and the next run takes them all. The log of the red
task says why; mend the cause and clear the task, or wait for the next event.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronDataIntervalTimetable

from dags.operators.program import day_param
from dags.operators.spark import SparkOperator
from schemas.dags import EVENTS_ASSET, EVENTS_ASSET_URI, ONE_AT_A_TIME, REFRESH_TABLES

EVENTS = Asset(name=EVENTS_ASSET, uri=EVENTS_ASSET_URI)
AFTER_MIDNIGHT = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")

with DAG(
    dag_id=REFRESH_TABLES,
    description="Events become the tables of users, videos and all that people do",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=AFTER_MIDNIGHT, assets=[EVENTS]),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={"day": day_param("A day, UTC, all of whose events are taken once more.")},
    default_args={
        "owner": "tables",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=30),
    },
):
    SparkOperator(task_id="refresh", module="jobs.refresh_tables", by_day="scheduled")
