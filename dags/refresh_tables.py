"""
# refresh_tables: events become the tables of users and videos.

The lake's `events` go into `users` and `videos` by MERGE on their key.

**Owner** tables. **Runs** when the sink says that it has written to `events`; one at a time.

**Idempotent** yes: a repeat finds each row at its `last_event_id` and writes nothing.

**When it fails** nothing is lost: the events stay where they are, and the next run takes them all. The log of the red
task says why; mend the cause and clear the task, or wait for the next event.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset

from dags.operators.spark import SparkOperator

EVENTS = Asset(name="events", uri="newsreel://lake/events")

with DAG(
    dag_id="refresh_tables",
    description="Events become the tables of users and videos",
    doc_md=__doc__,
    schedule=[EVENTS],
    catchup=False,
    max_active_runs=1,
    tags=["tables"],
    default_args={
        "owner": "tables",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=30),
    },
):
    SparkOperator(task_id="refresh", module="jobs.refresh_tables")
