"""Runs of one video's ingest DAG: start or join one, wait for it, end it early.

Tests: tests/e2e/test_main_job.py, tests/e2e/test_kills.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from newsreel.embedded.airflow_access import airflow_client, has_airflow
from newsreel.embedded.dag_test import run_dag_test
from newsreel.embedded.orphans import (
    VIDEO_VARIABLE,
    find_marked_processes,
    find_stage_processes,
    kill_all,
)
from schemas.dags import INGEST_VIDEO
from schemas.errors import StageError
from stores.delta import Lake
from streaming.consumers.airflow_client import AirflowClient, TaskRun
from streaming.consumers.runs import list_runs, next_run_id

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0
"""Airflow kills the tasks of a run that was ended on their next heartbeat, some seconds later."""
_POLL_S = 0.3

Say = Callable[[str], None]


def run_video(home: Path, tables: Lake, video_id: str, say: Say) -> tuple[str, str | None]:
    """Run the ingest DAG of a video, or join its run in progress; returns the run's id, and its error or None.

    By the REST API of this HOME's Airflow where there is one, else by `dag.test()` in a child, which names its own run.
    """
    if not has_airflow(home):
        return run_without_stack(home, INGEST_VIDEO, {"video_id": video_id}, say, {VIDEO_VARIABLE: video_id})
    with airflow_client(home) as airflow:
        known = list_runs(airflow, video_id)
        run_id = next((run.run_id for run in known if not run.finished), None)
        if run_id:
            say(f"run {run_id} is in progress; waiting for it")
        else:
            run_id = next_run_id(tables, video_id, [run.run_id for run in known])
            airflow.trigger(INGEST_VIDEO, run_id, {"video_id": video_id})
        return _follow_run(airflow, run_id, say)


def follow_video(home: Path, video_id: str, say: Say) -> tuple[str, str | None]:
    """Wait for the newest run of a video, which a consumer starts; returns its id, and its error or None.

    Raises StageError where none begins within START_TIMEOUT_S.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    with airflow_client(home) as airflow:
        while not (known := list_runs(airflow, video_id)):
            if time.monotonic() > deadline:
                raise StageError(
                    f"no run of video {video_id} has begun; see {home / 'logs' / 'consumers.log'}"
                )
            time.sleep(_POLL_S)
        return _follow_run(airflow, known[0].run_id, say)


def run_without_stack(
    home: Path, dag_id: str, params: dict[str, str], say: Say, marks: dict[str, str] | None = None
) -> tuple[str, str | None]:
    """Run a DAG by `dag.test()`; returns the run's id, and its error or None."""
    run = run_dag_test(home, dag_id, params, on_change=_report_to(say), marks=marks)
    error = None if run.state == "success" else f"run {run.run_id} ended as {run.state}, see {run.log_file}"
    return run.run_id, error


def end_runs(home: Path, video_id: str) -> int:
    """End the runs of a video that are in progress, and wait for their processes' end; returns the number of runs.

    Without Airflow: of processes. Raises StageError where they do not end.
    """
    if not has_airflow(home):
        marks = {"NEWSREEL_HOME": str(home), VIDEO_VARIABLE: video_id}
        return kill_all(lambda: find_marked_processes(marks))
    with airflow_client(home) as airflow:
        runs = [run.run_id for run in list_runs(airflow, video_id) if not run.finished]
        for run_id in runs:
            airflow.fail(INGEST_VIDEO, run_id)
    deadline = time.monotonic() + END_TIMEOUT_S
    while find_stage_processes(home, video_id):
        if time.monotonic() > deadline:
            raise StageError(
                f"video {video_id}: a task of {', '.join(runs)} does not end; see Airflow's page"
            )
        time.sleep(_POLL_S)
    return len(runs)


def _follow_run(airflow: AirflowClient, run_id: str, say: Say) -> tuple[str, str | None]:
    say(f"Airflow: {airflow.run_url(INGEST_VIDEO, run_id)}")
    run = airflow.wait(INGEST_VIDEO, run_id, on_change=_report_to(say))
    if run.state == "success":
        return run_id, None
    failed = [task.task_id for task in airflow.tasks(INGEST_VIDEO, run_id) if task.state == "failed"]
    return run_id, f"run {run_id} ended as {run.state}; failed: {', '.join(failed) or 'none of its tasks'}"


def _report_to(say: Say) -> Callable[[TaskRun], None]:
    def report(task: TaskRun) -> None:
        say(f"  {task.task_id}: {task.state}")

    return report
