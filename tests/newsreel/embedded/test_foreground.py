"""`newsreel exec`: a program has what a task of a DAG has, its exit status is ours, and `airflow` is of this HOME."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.stack_state import scheduling_lock

SAYS = """
import json, os
from stores.delta import lake
from stores.postgres import connect
with connect() as connection:
    fences = connection.execute("SELECT count(*) AS n FROM fences").fetchone()["n"]
print(json.dumps([fences, lake().version("views"), sorted(name for name in os.environ if "AIRFLOW" in name)]))
"""


def execute(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    return subprocess.run(
        [sys.executable, "-m", "newsreel", "exec", *command],
        check=False, env={**kept, "NEWSREEL_HOME": str(home)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_a_program_finds_a_migrated_database_and_the_lake_and_no_key_of_airflow(held_home: Path) -> None:
    done = execute(held_home, "python", "-c", SAYS)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [0, 0, []]


def test_options_are_the_programs_and_so_is_the_exit_status(held_home: Path) -> None:
    done = execute(
        held_home, "python", "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", "--json", "--help"
    )
    assert (done.returncode, done.stdout) == (7, "['--json', '--help']\n")


def test_airflow_is_that_of_this_home(held_home: Path) -> None:
    done = execute(held_home, "airflow", "config", "get-value", "database", "sql_alchemy_conn")
    assert done.stdout.strip() == EmbeddedPostgres(held_home).url("airflow", "postgresql+psycopg")


def test_a_dag_is_not_run_beside_a_scheduler_that_would_run_its_tasks_too(held_home: Path) -> None:
    with scheduling_lock(held_home, alone=True):
        done = execute(held_home, "airflow", "dags", "test", "refresh_tables")
    assert done.returncode == 3
    assert "other runs use" in done.stderr
