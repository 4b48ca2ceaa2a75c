"""Runs of the ingest DAG by video: their ids are `<video_id>-<attempt>`.

Tests: tests/streaming/consumers/test_dag_starter.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.dags import INGEST_VIDEO
from stores.delta import Lake
from streaming.consumers.airflow_client import AirflowClient, DagRun


def list_runs(airflow: AirflowClient, video_id: str) -> list[DagRun]:
    """The runs of a video, newest first."""
    return [
        run
        for run in airflow.list_runs(INGEST_VIDEO, f"{video_id}-")
        if run.run_id.rpartition("-")[0] == video_id
    ]


def next_run_id(lake: Lake, video_id: str, known: Iterable[str] = ()) -> str:
    """Id of the next run of a video: one above the highest attempt in `known` and in the table `pipeline_runs`."""
    recorded = lake.read("pipeline_runs", columns=["run_id"], where={"video_id": video_id}).column("run_id")
    runs = [run.rpartition("-") for run in (*recorded.to_pylist(), *known)]
    attempts = [int(number) for named, _, number in runs if named == video_id and number.isdigit()]
    return f"{video_id}-{max(attempts, default=0) + 1}"
