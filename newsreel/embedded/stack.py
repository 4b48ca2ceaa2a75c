"""Embedded stack of one HOME: PostgreSQL, Redis, Airflow, the API and consumers, in the foreground of one process.

The components are declared in components.py, and started, watched and stopped by supervisor.py. Servers of the
operator's (NEWSREEL_DATABASE_URL, NEWSREEL_REDIS_URL, NEWSREEL_AIRFLOW_URL) take the place of embedded ones.
"""

from __future__ import annotations

import signal
import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

import psutil

from newsreel.embedded.airflow_access import airflow_client
from newsreel.embedded.component import Site
from newsreel.embedded.components import (
    AIRFLOW_URL,
    REDIS_URL,
    build_environment,
    choose_ports,
    select_components,
)
from newsreel.embedded.leftovers import stop_leftovers
from newsreel.embedded.nightly import Nightly
from newsreel.embedded.ports import is_taken
from newsreel.embedded.servers import DATABASE_URL, database
from newsreel.embedded.stack_state import AIRFLOW_API_SERVER, Phase, StackState, remove_state, scheduling_lock
from newsreel.embedded.supervisor import POLL_S, Say, Supervisor
from schemas.dags import INGEST_VIDEO, REFRESH_TABLES
from schemas.errors import DependencyError, InputError
from streaming.consumers.airflow_client import AirflowClient

DAGS = (INGEST_VIDEO, REFRESH_TABLES)
START_TIMEOUT_S = 300.0
"""Half a minute on two free cores; a minute and a half was measured with five other users on them."""


class Stack:
    """The stack of one HOME; `run` it in the foreground, or `start` and `stop` it."""

    def __init__(
        self,
        home: Path,
        *,
        api_port: int = 8080,
        airflow_port: int = 0,
        dags_folder: Path | None = None,
        dags: tuple[str, ...] = DAGS,
    ) -> None:
        """Ports: 0 for a free one. Another folder of DAGs is for tests; `dags` are waited for."""
        self.home = home.absolute()
        self._ports = {"api": api_port, AIRFLOW_API_SERVER: airflow_port}
        self._dags_folder = dags_folder
        self._dags = dags
        self._stack_id = uuid.uuid4().hex
        self._held = ExitStack()
        self._supervisor: Supervisor | None = None
        self._signalled = False
        self.state: StackState | None = None

    def run(self, say: Say) -> int:
        """Start, serve until SIGINT or SIGTERM, stop; returns the exit code."""
        before = {kind: signal.signal(kind, self._on_signal) for kind in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start(say)
            say("up; Ctrl-C or `newsreel down` stops it")
            Nightly(self.home, lambda: airflow_client(self.home)).start()
            while not self._signalled:
                time.sleep(POLL_S)
                self._watch()
        except _SignalledError:
            say("interrupted")
        finally:
            self.stop(say)
            for kind, handler in before.items():
                signal.signal(kind, handler)
        return 0

    def start(self, say: Say) -> StackState:
        """Start all components and wait until they are healthy.

        Raises ConflictError while another stack or a `dag.test()` run uses this HOME, DependencyError where something
        is missing or does not come up, InputError where the port is taken.
        """
        self._held.enter_context(scheduling_lock(self.home, alone=True))
        stop_leftovers(self.home)
        api_port = self._ports["api"]
        if is_taken(api_port):
            raise InputError(f"--port {api_port} is taken on this machine; --port 0 picks a free one")
        # Written at once: a command that is typed from now on waits for this stack, or stops it.
        self.state = self._starting_state()
        self._write_state("starting")
        components = select_components()
        site = Site(self.home, choose_ports(components, self._ports), self._dags_folder)
        self._held.enter_context(database())
        environment = build_environment(site)
        urls = {component.name: url for component in components if (url := component.url_at(site))}
        airflow = self._held.enter_context(AirflowClient(environment[AIRFLOW_URL]))
        self.state = replace(
            self.state,
            api_url=urls["api"],
            airflow_url=airflow.url,
            database_url=environment[DATABASE_URL],
            redis_url=environment[REDIS_URL],
            urls=urls,
        )
        embedded_airflow = AIRFLOW_API_SERVER in urls
        if not embedded_airflow and (missing := self._list_missing_dags(airflow)):
            say(f"Airflow at {airflow.url} (NEWSREEL_AIRFLOW_URL) has no DAG {' and '.join(missing)} yet")
        self._supervisor = Supervisor(site, components, environment, self._stack_id, say)
        self._write_state("starting")
        self._supervisor.start()
        self._write_state("starting")
        self._supervisor.wait_until_up(START_TIMEOUT_S, self._on_poll)
        if embedded_airflow:
            self._wait_for_dags(airflow)
        self._write_state("healthy")
        say(f"API      {self.state.api_url}")
        password = f"user admin, password in {self.home / 'airflow' / 'passwords.json'}"
        say(f"Airflow  {airflow.url}   {password if embedded_airflow else 'NEWSREEL_AIRFLOW_URL'}")
        return self.state

    def stop(self, say: Say) -> None:
        """Stop all components; safe to call twice, and half way through a start."""
        if self.state:
            say("stopping")
            self._write_state("stopping")
        if self._supervisor:
            self._supervisor.stop()
            self._supervisor = None
        if self.state:
            remove_state(self.home)
        self.state = None
        self._held.close()

    def _starting_state(self) -> StackState:
        """What is known of this stack before any of its servers is up."""
        process = psutil.Process()
        return StackState(
            stack_id=self._stack_id,
            pid=process.pid,
            started=process.create_time(),
            phase="starting",
            api_url="",
            airflow_url="",
            database_url="",
            redis_url="",
            components={},
        )

    def _wait_for_dags(self, airflow: AirflowClient) -> None:
        """Wait until Airflow knows the DAGs. Raises DependencyError with the reason where a file cannot be imported."""
        deadline = time.monotonic() + START_TIMEOUT_S
        missing = list(self._dags)
        while missing:
            with suppress(DependencyError):  # an API server that was killed is started again
                missing = self._list_missing_dags(airflow)
            if missing and time.monotonic() > deadline:
                errors = list(airflow.import_errors().values())
                reason = errors[0].strip().splitlines()[-1] if errors else f"see {self.home / 'logs'}"
                raise DependencyError(f"Airflow does not know the DAG {' and '.join(missing)}: {reason}")
            self._on_poll()
            time.sleep(POLL_S if missing else 0)

    def _list_missing_dags(self, airflow: AirflowClient) -> list[str]:
        return [dag_id for dag_id in self._dags if not airflow.has_dag(dag_id)]

    def _watch(self) -> None:
        if self._supervisor and self._supervisor.watch():
            self._write_state(self.state.phase if self.state else "starting")

    def _write_state(self, phase: Phase) -> None:
        if self.state:
            pids = self._supervisor.pids if self._supervisor else {}
            self.state = replace(self.state, phase=phase, components=pids)
            self.state.write(self.home)

    def _on_poll(self) -> None:
        if self._signalled:
            raise _SignalledError
        self._watch()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True


class _SignalledError(Exception):
    """A signal came while the stack was starting."""
