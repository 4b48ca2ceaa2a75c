"""A program in the foreground, in the environment that tasks of DAGs have, and Airflow's own command on this HOME."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.component import DIE_WITH_PARENT
from newsreel.embedded.dag_test import NO_PORT, program_environment
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.servers import database
from newsreel.embedded.stack import running_stack
from newsreel.embedded.stack_state import scheduling_lock

AIRFLOW = "airflow"
RUNS_A_DAG = [AIRFLOW, "dags", "test"]
"""It runs tasks itself, and a scheduler would take them up as well."""


def run_in_foreground(home: Path, command: Sequence[str]) -> int:
    """Run a program to its end with PostgreSQL up and the lake's tables there; returns its exit status.

    Raises DependencyError where something is missing, ConflictError for `airflow dags test` while a stack schedules.
    """
    with ExitStack() as held:
        if [*command][:3] == RUNS_A_DAG:
            held.enter_context(scheduling_lock(home, alone=False))
        held.enter_context(database())
        environment = {**os.environ, **program_environment(home)}
        if command[0] == AIRFLOW:
            postgres = held.enter_context(EmbeddedPostgres(home))
            environment |= _airflow(home, postgres).environment()
        # The programs of this Python before others of the same name.
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
        return subprocess.run([*DIE_WITH_PARENT, *command], check=False, env=environment).returncode


def _airflow(home: Path, postgres: EmbeddedPostgres) -> EmbeddedAirflow:
    """The Airflow of this HOME, its database migrated; a stack that runs says where its API is."""
    stack = running_stack(home)
    port = urlsplit(stack.airflow_url).port if stack else None
    airflow = EmbeddedAirflow(home, postgres.url("airflow"), port or NO_PORT)
    airflow.migrate()
    return airflow
