"""The runs of one video's DAG: started or joined, waited for, ended before their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from newsreel.embedded.dag_test import run_dag_test
from newsreel.embedded.orphans import VIDEO_VARIABLE, find_marked_processes, find_stage_processes, kill_all
from newsreel.embedded.stack import airflow_client, running_stack
from schemas.dags import INGEST_VIDEO
from schemas.errors import StageError
from stores.delta import Lake
from streaming.consumers.airflow_client import AirflowClient, TaskRun
from streaming.consumers.runs import list_runs, next_run_id

LONGEST_START_S = 60.0
LONGEST_END_S = 60.0
"""Airflow kills the tasks of a run that was ended on their next heartbeat, some seconds later."""
_POLL_S = 0.3

Say = Callable[[str], None]


def run_video(home: Path, tables: Lake, video_id: str, say: Say) -> tuple[str, str | None]:
    """Run the ingest DAG of a video, or join a run that is under way; returns its id, and what went wrong or None.

    By Airflow's REST API where the stack of this HOME runs, else by `dag.test()` in a child, which names its own run.
    """
    if running_stack(home) is None:
        return run_without_stack(home, INGEST_VIDEO, {"video_id": video_id}, say, {VIDEO_VARIABLE: video_id})
    with airflow_client(home) as airflow:
        known = list_runs(airflow, video_id)
        run_id = next((run.run_id for run in known if not run.finished), None)
        if run_id:
            say(f"run {run_id} is under way; waiting for it")
        else:
            run_id = next_run_id(tables, video_id, [run.run_id for run in known])
            airflow.trigger(INGEST_VIDEO, run_id, {"video_id": video_id})
        return _follow_run(airflow, run_id, say)


def follow_video(home: Path, video_id: str, say: Say) -> tuple[str, str | None]:
    """Wait for the newest run of a video that somebody else starts; returns its id, and what went wrong or None.

    Raises StageError where none begins within LONGEST_START_S.
    """
    deadline = time.monotonic() + LONGEST_START_S
    with airflow_client(home) as airflow:
        while not (known := list_runs(airflow, video_id)):
            if time.monotonic() > deadline:
                raise StageError(f"no run of video {video_id} has begun; see {home / 'logs' / 'outbox.log'}")
            time.sleep(_POLL_S)
        return _follow_run(airflow, known[0].run_id, say)


def _follow_run(airflow: AirflowClient, run_id: str, say: Say) -> tuple[str, str | None]:
    say(f"Airflow: {airflow.run_url(INGEST_VIDEO, run_id)}")
    run = airflow.wait(INGEST_VIDEO, run_id, on_change=_report_to(say))
    if run.state == "success":
        return run_id, None
    failed = [task.task_id for task in airflow.tasks(INGEST_VIDEO, run_id) if task.state == "failed"]
    return run_id, f"run {run_id} ended as {run.state}; failed: {', '.join(failed) or 'none of its tasks'}"


def run_without_stack(
    home: Path, dag_id: str, params: dict[str, str], say: Say, marks: dict[str, str] | None = None
) -> tuple[str, str | None]:
    """Run a DAG by `dag.test()`; returns the run's id, and what went wrong or None."""
    done = run_dag_test(home, dag_id, params, on_change=_report_to(say), marks=marks)
    wrong = (
        None if done.state == "success" else f"run {done.run_id} ended as {done.state}, see {done.log_file}"
    )
    return done.run_id, wrong


def end_runs(home: Path, video_id: str) -> int:
    """End the runs of a video that are under way, and wait until their processes are gone; returns how many runs.

    Raises StageError where they do not end.
    """
    if running_stack(home) is None:
        return kill_all(lambda: find_marked_processes({"NEWSREEL_HOME": str(home), VIDEO_VARIABLE: video_id}))
    with airflow_client(home) as airflow:
        runs = [run.run_id for run in list_runs(airflow, video_id) if not run.finished]
        for run_id in runs:
            airflow.fail(INGEST_VIDEO, run_id)
    deadline = time.monotonic() + LONGEST_END_S
    while find_stage_processes(home, video_id):
        if time.monotonic() > deadline:
            raise StageError(
                f"video {video_id}: a task of {', '.join(runs)} does not end; see Airflow's page"
            )
        time.sleep(_POLL_S)
    return len(runs)


def _report_to(say: Say) -> Callable[[TaskRun], None]:
    def tell(task: TaskRun) -> None:
        say(f"  {task.task_id}: {task.state}")

    return tell
