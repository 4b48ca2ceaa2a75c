"""Embedded Airflow: its settings as environment variables, and its database.

Tests: tests/newsreel/embedded/test_stack.py, tests/newsreel/embedded/test_dag_test.py.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL

from newsreel.embedded.keys import fernet_key, signing_key
from schemas.dags import CONCURRENT_INGESTS
from schemas.errors import DependencyError
from stores.private_files import private_folder, read_or_create

USER = "admin"
_HEARTBEAT_S = 5
_HEARTBEAT_TIMEOUT_S = 30
"""A task whose supervisor is gone is retried after so long (Airflow's default is 300 s)."""
HEALTH_THRESHOLD_S = 30
"""A scheduler or dag-processor without a heartbeat for so long is unhealthy; they send one every 5 s."""


@dataclass(frozen=True)
class EmbeddedAirflow:
    """Airflow under `home`, its rows in the PostgreSQL database at `database_url`, its API on a loopback port."""

    home: Path
    database_url: str
    port: int
    dags_folder: Path | None = None
    """Another folder of DAGs than the project's; for tests."""

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def url(self) -> str:
        """URL of its pages and its REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def client_url(self) -> str:
        """The same with user and password, as NEWSREEL_AIRFLOW_URL has it. A secret."""
        return f"http://{USER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Password of its only user, `admin`."""
        return str(json.loads(read_or_create(self._password_file, _generate_passwords))[USER])

    def environment(self) -> dict[str, str]:
        """Build all settings, as environment variables of its components; missing secrets are created."""
        keys = private_folder(self.folder) / "keys"
        read_or_create(self._password_file, _generate_passwords)
        url = self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        logs = self.home / "logs" / "airflow"
        options = {
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__DAGS_FOLDER": self.dags_folder or _locate_dags(),
            "CORE__PLUGINS_FOLDER": self.folder / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
            # One more for the refresh of the tables.
            "CORE__PARALLELISM": CONCURRENT_INGESTS + 1,
            "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "CORE__FERNET_KEY": read_or_create(keys / "fernet", fernet_key),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self._password_file,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 5,
            "DATABASE__SQL_ALCHEMY_CONN": url,
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": url,
            "DATABASE__SQL_ALCHEMY_POOL_SIZE": 3,
            "API__HOST": "127.0.0.1",
            "API__PORT": self.port,
            "API__BASE_URL": self.url,
            "API__WORKERS": 1,
            "API__SECRET_KEY": read_or_create(keys / "api", signing_key),
            "API_AUTH__JWT_SECRET": read_or_create(keys / "jwt", signing_key),
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": _HEARTBEAT_S,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": _HEARTBEAT_TIMEOUT_S,
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": _HEARTBEAT_S,
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": _HEARTBEAT_TIMEOUT_S,
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": HEALTH_THRESHOLD_S,
            "SCHEDULER__CATCHUP_BY_DEFAULT": False,
            # An API server that restarts is away for some 15 s; tasks survive that.
            "WORKERS__MAX_FAILED_HEARTBEATS": 12,
            "DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD": HEALTH_THRESHOLD_S,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 120,
            "LOGGING__BASE_LOG_FOLDER": logs,
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": logs / "dag_processor",
            "LOGGING__COLORED_CONSOLE_LOG": False,
        }
        return {
            **{f"AIRFLOW__{name}": str(value) for name, value in options.items()},
            "AIRFLOW_HOME": str(self.folder),
        }

    def migrate(self) -> bool:
        """Migrate the database to this Airflow's version; returns False where it has that version."""
        marker = self.folder / "migrated"
        current = f"{importlib.metadata.version('apache-airflow')} {self._revision()}"
        if marker.exists() and marker.read_text() == current:
            return False
        log = self.home / "logs" / "airflow-migrate.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as output:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
            )  # fmt: skip
        if done.returncode:
            raise DependencyError(f"`airflow db migrate` failed, see {log}")
        marker.write_text(f"{importlib.metadata.version('apache-airflow')} {self._revision()}")
        return True

    def fail_abandoned_runs(self) -> int:
        """Fail the runs that `dag.test()` left running when it was killed: a scheduler would continue them.

        Call it only while no `dag.test()` runs on this database. Returns the number of runs.
        """
        return self._fail_runs("triggered_by = 'TEST'", ())

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Fail one run that no process continues."""
        self._fail_runs("dag_id = %s AND run_id = %s", (dag_id, run_id))

    def _fail_runs(self, condition: LiteralString, values: tuple[str, ...]) -> int:
        runs = SQL("SELECT id FROM dag_run WHERE state IN ('running', 'queued') AND ") + SQL(condition)
        with psycopg.connect(self.database_url) as connection:
            ids = [row[0] for row in connection.execute(runs, values)]
            connection.execute(
                """UPDATE task_instance SET state = 'failed', end_date = now() FROM dag_run
                   WHERE dag_run.id = ANY(%s) AND task_instance.dag_id = dag_run.dag_id
                   AND task_instance.run_id = dag_run.run_id AND (task_instance.state IS NULL
                   OR task_instance.state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))""",
                (ids,),
            )
            connection.execute(
                "UPDATE dag_run SET state = 'failed', end_date = now() WHERE id = ANY(%s)", (ids,)
            )
        return len(ids)

    @property
    def _password_file(self) -> Path:
        return self.folder / "passwords.json"

    def _revision(self) -> str | None:
        """Alembic's revision of the database; None where it is empty."""
        with psycopg.connect(self.database_url, connect_timeout=10) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None


def _generate_passwords() -> str:
    return json.dumps({USER: secrets.token_urlsafe(18)})


def _locate_dags() -> Path:
    spec = importlib.util.find_spec("dags")
    if spec is None or spec.origin is None:
        raise DependencyError("the package `dags` is missing: install the project's wheel")
    return Path(spec.origin).parent
