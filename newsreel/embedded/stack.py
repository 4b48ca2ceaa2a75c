"""The whole embedded stack: PostgreSQL, Redis, Airflow, the API and its consumers, in the foreground of one process."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

import httpx
import psutil

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.component import Component
from newsreel.embedded.dag_test import program_environment
from newsreel.embedded.nightly import Nightly
from newsreel.embedded.orphans import STACK_VARIABLE, kill_orphans
from newsreel.embedded.ports import find_free_port, is_taken
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.redis import EmbeddedRedis
from newsreel.embedded.servers import database
from newsreel.embedded.stack_health import Waiting
from newsreel.embedded.stack_state import Phase, StackState, read_state, remove_state, scheduling_lock
from schemas.errors import ConflictError, DependencyError, InputError
from streaming.consumers.airflow_client import AirflowClient

Say = Callable[[str], None]

DAGS = ("ingest_video", "refresh_tables")
START_TIMEOUT_S = 300.0
"""Half a minute on two free cores; a minute and a half was seen with five others at work on them."""
STOP_TIMEOUT_S = 9.0
"""For the components: a task that is told to end takes up to 6 s of it. PostgreSQL and Redis come after that."""
_DOWN_TIMEOUT_S = 20.0
_POLL_S = 0.3
_RESTARTS = 3
_RESTARTS_WITHIN_S = 300.0


class Stack:
    """The stack of one HOME; `run` it in the foreground, or use it as a context manager."""

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
        self._api_port = api_port
        self._airflow_port = airflow_port
        self._dags_folder = dags_folder
        self._dags = dags
        self._stack_id = uuid.uuid4().hex
        self._held = ExitStack()
        self._servers: list[EmbeddedPostgres | EmbeddedRedis] = []
        self._components: list[Component] = []
        self._restarts: dict[str, deque[float]] = {}
        self._signalled = False
        self.state: StackState | None = None

    def run(self, say: Say) -> int:
        """Start, serve until SIGINT or SIGTERM, stop; returns the exit code."""
        before = {kind: signal.signal(kind, self._on_signal) for kind in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start(say)
            say("up; Ctrl-C or `newsreel down` stops it")
            nightly = Nightly(self.home, lambda: airflow_client(self.home))
            while not self._signalled:
                time.sleep(_POLL_S)
                self._mend(say)
                nightly.turn()
        except _SignalledError:
            say("interrupted")
        finally:
            self.stop(say)
            for kind, handler in before.items():
                signal.signal(kind, handler)
        return 0

    def start(self, say: Say) -> StackState:
        """Start all of it and wait until it is healthy.

        Raises ConflictError while another stack or a `dag.test()` run uses this HOME, DependencyError where something
        is missing or does not come up, InputError where the port is taken.
        """
        begun = time.monotonic()
        self._held.enter_context(scheduling_lock(self.home, alone=True))
        end_leftovers(self.home)
        if is_taken(self._api_port):
            raise InputError(f"--port {self._api_port} is taken on this machine; --port 0 picks a free one")
        # Written at once: whoever asks from now on waits for this stack, or ends it.
        self.state = self._starting()
        self._write_state("starting")
        postgres = self._held.enter_context(EmbeddedPostgres(self.home))
        filled = self._held.enter_context(database())
        self._servers = [postgres]
        redis_url = filled.redis_url
        if redis_url is None:
            redis = self._held.enter_context(EmbeddedRedis(self.home))
            self._servers.append(redis)
            redis_url = redis.url
        say(f"PostgreSQL and Redis are up ({time.monotonic() - begun:.1f} s)")
        airflow = EmbeddedAirflow(
            self.home, postgres.url("airflow"), self._airflow_port or find_free_port(), self._dags_folder
        )
        if airflow.migrate():
            say(f"Airflow's database is made ({time.monotonic() - begun:.1f} s)")
        airflow.fail_abandoned_runs()
        self._api_port = self._api_port or find_free_port()
        database_url = filled.database_url or postgres.url()
        self._components = self._planned(airflow, database_url, redis_url)
        self.state = replace(
            self.state,
            api_url=f"http://127.0.0.1:{self._api_port}",
            airflow_url=airflow.url,
            database_url=database_url,
            redis_url=redis_url,
        )
        self._write_state("starting")
        for component in self._components:
            component.start()
        self._write_state("starting")
        with AirflowClient(airflow.client_url) as client:
            self._wait_until_healthy(Waiting(client, self.state.api_url, self._dags), say, begun)
        self._write_state("healthy")
        say(f"API      {self.state.api_url}")
        say(
            f"Airflow  {self.state.airflow_url}   user admin, password in {self.home / 'airflow' / 'passwords.json'}"
        )
        return self.state

    def stop(self, say: Say) -> None:
        """Stop all of it within `STOP_TIMEOUT_S` and some seconds; safe to call twice, and half way through a start."""
        if self.state:
            say("stopping")
            self._write_state("stopping")
        deadline = time.monotonic() + STOP_TIMEOUT_S
        # Airflow's API server last: a task that is told to end reports there.
        last = [component for component in self._components if component.name == "airflow-api-server"]
        first = [component for component in self._components if component not in last]
        for components, until in ((first, deadline - 2), (last, deadline)):
            for component in components:
                component.ask_to_end()
            for component in components:
                component.end(until)
        kill_orphans(self._stack_id)
        self._components = []
        if self.state:
            remove_state(self.home)
        self.state = None
        self._held.close()

    def _starting(self) -> StackState:
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

    def _planned(self, airflow: EmbeddedAirflow, database_url: str, redis_url: str) -> list[Component]:
        environment = {
            **os.environ,
            **program_environment(self.home),
            "NEWSREEL_DATABASE_URL": database_url,
            "NEWSREEL_REDIS_URL": redis_url,
            "NEWSREEL_AIRFLOW_URL": airflow.client_url,
            STACK_VARIABLE: self._stack_id,
            # Airflow's processes write their titles over their environment otherwise, and no stray could be told.
            "SPT_NOENV": "1",
        }
        ours = {
            "api": [
                sys.executable,
                "-m",
                "streaming.api",
                "--host",
                "127.0.0.1",
                "--port",
                str(self._api_port),
            ],
            "outbox": [sys.executable, "-m", "streaming.consumers"],
        }
        logs = self.home / "logs"
        return [
            *(
                Component(name, command, {**environment, **airflow.environment()}, self._stack_id, logs)
                for name, command in airflow.commands().items()
            ),
            *(Component(name, command, environment, self._stack_id, logs) for name, command in ours.items()),
        ]

    def _wait_until_healthy(self, waiting: Waiting, say: Say, begun: float) -> None:
        while waiting:
            if self._signalled:
                raise _SignalledError
            time.sleep(_POLL_S)
            for name in waiting.newly_up():
                say(f"{name} up ({time.monotonic() - begun:.1f} s)")
            if waiting:
                self._mend(say)
            if time.monotonic() - begun > START_TIMEOUT_S:
                reason = waiting.reason() or f"see {self.home / 'logs'}"
                raise DependencyError(f"{waiting} not up after {START_TIMEOUT_S:.0f} s: {reason}")

    def _mend(self, say: Say) -> None:
        """Start again what has died; give up on what dies again and again. Raises DependencyError then."""
        for server in self._servers:
            if server.mend():
                say(f"{type(server).__name__} had died and was started again")
                # Those that die of that are not at fault.
                self._restarts.clear()
        for component in self._components:
            status = component.ended()
            if status is None:
                continue
            said = component.last_words()
            component.end_strays()
            now = time.monotonic()
            recent = self._restarts.setdefault(component.name, deque(maxlen=_RESTARTS))
            if len(recent) == _RESTARTS and now - recent[0] < _RESTARTS_WITHIN_S:
                raise DependencyError(
                    f"{component.name} keeps ending ({status}): {said}; see {component.log_file}"
                )
            recent.append(now)
            say(f"{component.name} has ended ({status}), starting it again: {said}")
            component.start()
            self._write_state(self.state.phase if self.state else "starting")

    def _write_state(self, phase: Phase) -> None:
        if self.state:
            pids = {component.name: component.pid for component in self._components if component.pid}
            self.state = replace(self.state, phase=phase, components=pids)
            self.state.write(self.home)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True


class _SignalledError(Exception):
    """A signal came while the stack was starting."""


def running_stack(home: Path) -> StackState | None:
    """The stack that runs on this HOME, or None; look at its `phase` before you use it."""
    state = read_state(home.absolute())
    return state if state and state.alive else None


def airflow_client(home: Path) -> AirflowClient:
    """A session with the Airflow of the stack that runs on this HOME; one that is starting is waited for.

    Raises DependencyError where none runs.
    """
    while (state := running_stack(home)) and state.phase == "starting":
        time.sleep(_POLL_S)
    if state is None:
        raise DependencyError(f"no stack runs on {home}: start it with `newsreel up`")
    port = httpx.URL(state.airflow_url).port or 80
    url = EmbeddedAirflow(home.absolute(), "", port).client_url
    return AirflowClient(url, restarts=lambda: running_stack(home) is not None)


def stop_stack(home: Path) -> bool:
    """Stop the stack of this HOME, and what a killed one has left behind; returns whether there was anything.

    Raises ConflictError if it does not end.
    """
    home = home.absolute()
    state = running_stack(home)
    if state is None:
        try:
            with scheduling_lock(home, alone=True):
                return end_leftovers(home)
        except ConflictError:
            return False
    with suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_TIMEOUT_S
    while state.alive:
        if time.monotonic() > deadline:
            raise ConflictError(f"the stack (process {state.pid}) does not end; see {home / 'logs'}")
        time.sleep(0.05)
    end_leftovers(home)
    return True


def end_leftovers(home: Path) -> bool:
    """End what a killed stack has left running; returns whether there was one. Call it where none runs."""
    state = read_state(home)
    if state is None or state.alive:
        return False
    kill_orphans(state.stack_id)
    for server in (EmbeddedPostgres(home), EmbeddedRedis(home)):
        server.adopt()
        server.stop()
    remove_state(home)
    return True
