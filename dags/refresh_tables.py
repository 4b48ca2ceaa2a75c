"""
# refresh_tables: applies events to the tables of users, videos and activity.

Merges the lake's `events` into the lake's copies of the live PostgreSQL tables, by Spark MERGE on their keys.

**Owner** tables. **Runs** whenever the lake sink has written to `events`, for the new events; and daily at 00:00 UTC,
for all events of the day before. One run at a time.

**Idempotent** yes: a repeat finds each row at its `last_event_id` and writes nothing.

**To repeat a day** use Airflow's backfill (`airflow backfill create --dag-id refresh_tables --from-date 2026-11-01
--to-date 2026-11-30 --reprocess-behavior completed`), or trigger a run with the param `day`. Days can run in any order.

**When it fails** nothing is lost: the events stay in the lake, and the next run applies them. The log of the red task
has the reason; fix the cause and clear the task, or wait for the next event.
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
    description="Applies events to the tables of users, videos and activity",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=AFTER_MIDNIGHT, assets=[EVENTS]),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=ONE_AT_A_TIME,
    tags=["tables"],
    params={"day": day_param("A day, UTC, whose events are all applied again.")},
    default_args={
        "owner": "tables",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=30),
    },
):
    SparkOperator(task_id="refresh", module="jobs.refresh_tables", by_day="scheduled")
