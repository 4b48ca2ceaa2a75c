"""Program in the foreground with the environment of a DAG's task, and Airflow's own command on this HOME."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.component_process import DIE_WITH_PARENT
from newsreel.embedded.dag_test import NO_PORT, program_environment
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.servers import database
from newsreel.embedded.stack_state import running_stack, scheduling_lock
from schemas.errors import DependencyError
from schemas.settings import settings

AIRFLOW = "airflow"
RUNS_A_DAG = [AIRFLOW, "dags", "test"]
"""Runs tasks itself, and a scheduler would run them as well."""


def run_in_foreground(home: Path, command: Sequence[str]) -> int:
    """Run a program to its end with PostgreSQL up and the lake's tables there; returns its exit status.

    Raises DependencyError where something is missing, or for `airflow` where NEWSREEL_AIRFLOW_URL is set;
    ConflictError for `airflow dags test` while a stack schedules.
    """
    if command[0] == AIRFLOW and settings().airflow_url:
        raise DependencyError(
            "NEWSREEL_AIRFLOW_URL is set: use the `airflow` command of that installation; the embedded one is not used"
        )
    with ExitStack() as held:
        if [*command][:3] == RUNS_A_DAG:
            held.enter_context(scheduling_lock(home, alone=False))
        held.enter_context(database())
        environment = {**os.environ, **program_environment(home)}
        if command[0] == AIRFLOW:
            postgres = held.enter_context(EmbeddedPostgres(home))
            environment |= _prepare_airflow(home, postgres).environment()
        # Programs of this Python win over others of the same name.
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
        return subprocess.run([*DIE_WITH_PARENT, *command], check=False, env=environment).returncode


def _prepare_airflow(home: Path, postgres: EmbeddedPostgres) -> EmbeddedAirflow:
    """The embedded Airflow of this HOME, its database migrated, with the port of the stack that runs."""
    stack = running_stack(home)
    port = urlsplit(stack.airflow_url).port if stack and stack.embeds_airflow else None
    airflow = EmbeddedAirflow(home, postgres.url("airflow"), port or NO_PORT)
    airflow.migrate()
    return airflow
