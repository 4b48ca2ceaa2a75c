"""DAG run without a scheduler: `dag.test()` in a child process that dies with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.component_process import DIE_WITH_PARENT
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.stack_state import scheduling_lock
from schemas.errors import StageError
from streaming.consumers.airflow_client import FINISHED_RUN, TaskRun

_POLL_S = 0.3
NO_PORT = 9
"""Discard (RFC 863): `dag.test()` calls no API server, and must not find one by chance."""


@dataclass(frozen=True)
class DagTestRun:
    """Result of a run; `state` is success or failed."""

    run_id: str
    state: str
    tasks: list[TaskRun]
    log_file: Path


def run_dag_test(
    home: Path,
    dag_id: str,
    params: Mapping[str, Any] | None = None,
    *,
    on_change: Callable[[TaskRun], None] | None = None,
    dags_folder: Path | None = None,
    marks: Mapping[str, str] | None = None,
) -> DagTestRun:
    """Run a DAG to its end, with the operators, retries and branches that a scheduler would use.

    `on_change` gets each new state of each task; `marks` go into the environment of its processes, to find them by.
    The servers that the stages need must be up (NEWSREEL_* set).
    Raises ConflictError while a stack runs on this HOME, DependencyError where Java or Spark's jars are missing,
    StageError if `dag.test()` itself does not come to an end; the run is marked failed then.
    """
    home = home.absolute()
    log = home / "logs" / f"dag-test-{dag_id}-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with scheduling_lock(home, alone=False), EmbeddedPostgres(home) as postgres:
        airflow = EmbeddedAirflow(home, postgres.url("airflow"), NO_PORT, dags_folder)
        airflow.migrate()
        now = datetime.now(UTC)
        run_id = f"manual__{now.isoformat()}"
        command = [sys.executable, "-m", "newsreel.embedded.dag_test_child", dag_id, "--at", now.isoformat()]
        with log.open("wb") as output, psycopg.connect(airflow.database_url, autocommit=True) as connection:
            child = subprocess.Popen(
                [*DIE_WITH_PARENT, *command, "--params", json.dumps(dict(params or {}))],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0,
                env={**os.environ, **airflow.environment(), **program_environment(home), **(marks or {})},
            )  # fmt: skip
            try:
                tasks = _follow(child, connection, dag_id, run_id, on_change)
            finally:
                # Not SIGTERM: Airflow would take it for a task's failure, and continue with a retry.
                child.kill()
                child.wait()
            state = _read_state(connection, dag_id, run_id)
            if state not in FINISHED_RUN:
                airflow.fail_run(dag_id, run_id)
                raise StageError(
                    f"the run of {dag_id} was cut off (exit status {child.returncode}), see {log}"
                )
        return DagTestRun(run_id, str(state), tasks, log)


def program_environment(home: Path) -> dict[str, str]:
    """Environment of the DAGs' programs. Raises DependencyError without Java or Spark's jars."""
    from jobs.spark.jars import jar_paths
    from jobs.spark.java import java_home

    jar_paths()
    # PYTHONSAFEPATH: a file in the working directory must not hide a module.
    return {"NEWSREEL_HOME": str(home), "JAVA_HOME": str(java_home()), "PYTHONSAFEPATH": "1"}


def _follow(
    child: subprocess.Popen[bytes],
    connection: psycopg.Connection,
    dag_id: str,
    run_id: str,
    on_change: Callable[[TaskRun], None] | None,
) -> list[TaskRun]:
    reported: dict[str, tuple[str | None, int]] = {}
    while True:
        ended = child.poll() is not None or _read_state(connection, dag_id, run_id) in FINISHED_RUN
        tasks = _read_tasks(connection, dag_id, run_id)
        for task in tasks:
            if on_change and task.state and reported.get(task.task_id) != (task.state, task.attempt):
                reported[task.task_id] = (task.state, task.attempt)
                on_change(task)
        if ended:
            return tasks
        time.sleep(_POLL_S)


def _read_tasks(connection: psycopg.Connection, dag_id: str, run_id: str) -> list[TaskRun]:
    rows = connection.execute(
        """SELECT task_id, state, try_number, start_date, end_date, duration FROM task_instance
           WHERE dag_id = %s AND run_id = %s ORDER BY start_date NULLS LAST, task_id""",
        (dag_id, run_id),
    )
    return [TaskRun(*row) for row in rows]


def _read_state(connection: psycopg.Connection, dag_id: str, run_id: str) -> str | None:
    row = connection.execute(
        "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", (dag_id, run_id)
    ).fetchone()
    return str(row[0]) if row and row[0] else None
