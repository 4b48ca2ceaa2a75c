"""Times of one DAG run, as recorded by Airflow and by the stages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from schemas.errors import StageError
from stores.delta import Lake

LONGEST_WAIT_S = 120.0
POLL_S = 0.5


@dataclass(frozen=True)
class Span:
    """A time interval."""

    started: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """Length of the interval."""
        return (self.ended - self.started).total_seconds()


@dataclass(frozen=True)
class RunTimes:
    """One run from queued to ended, and its successful tasks by name, from the start of each task's process."""

    whole: Span
    tasks: Mapping[str, Span]


def read_run_times(airflow_database_url: str, dag_id: str, run_id: str) -> RunTimes:
    """Times of a run that has ended. Raises StageError if it has not, or did not succeed."""
    with psycopg.connect(airflow_database_url) as connection:
        run = connection.execute(
            "SELECT queued_at, end_date, state FROM dag_run WHERE dag_id = %s AND run_id = %s",
            (dag_id, run_id),
        ).fetchone()
        tasks = connection.execute(
            """SELECT task_id, start_date, end_date FROM task_instance
               WHERE dag_id = %s AND run_id = %s AND state = 'success' AND start_date IS NOT NULL""",
            (dag_id, run_id),
        ).fetchall()
    if run is None or run[2] != "success" or run[1] is None:
        raise StageError(f"run {run_id} of {dag_id} did not succeed: {run[2] if run else 'no such run'}")
    return RunTimes(Span(run[0], run[1]), {name: Span(started, ended) for name, started, ended in tasks})


def wait_for_latest_run(airflow_database_url: str, dag_id: str) -> RunTimes:
    """Wait for the run of a DAG that was queued last; returns its times. Raises StageError if it does not succeed."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while True:
        with psycopg.connect(airflow_database_url) as connection:
            row = connection.execute(
                "SELECT run_id, state FROM dag_run WHERE dag_id = %s ORDER BY queued_at DESC LIMIT 1",
                (dag_id,),
            ).fetchone()
        if row and (row[1] in ("success", "failed") or time.monotonic() > deadline):
            return read_run_times(airflow_database_url, dag_id, row[0])
        if time.monotonic() > deadline:
            raise StageError(f"no run of {dag_id} was queued")
        time.sleep(POLL_S)


def read_recorded_stages(lake: Lake, run_id: str) -> dict[str, Span]:
    """Interval that each stage of a run recorded for its successful attempt, by stage."""
    rows = lake.read("pipeline_runs", where={"run_id": run_id, "state": "succeeded"}).to_pylist()
    return {row["stage"]: Span(row["started"], row["ended"]) for row in rows}
