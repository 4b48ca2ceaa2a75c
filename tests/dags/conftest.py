"""Airflow to read DAG files with and to run them on, and stand-ins for the programs that they start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.dag_test import program_environment
from newsreel.embedded.postgres import EmbeddedPostgres
from tests.dags.stand_ins import StandIns, make_stand_ins


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    return make_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="session")
def airflow_environment(
    tmp_path_factory: pytest.TempPathFactory, stand_ins: StandIns
) -> Iterator[dict[str, str]]:
    """Environment in which `import airflow` finds a migrated database, and programs are the stand-ins."""
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home) as server:
        airflow = EmbeddedAirflow(home, server.url("airflow"), 9)
        airflow.migrate()
        yield {**os.environ, **airflow.environment(), **program_environment(home), **stand_ins.environment}
    shutil.rmtree(server.folder)
