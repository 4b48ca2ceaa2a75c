"""Supervisor of the components of one stack: one loop starts, watches and stops all of them.

- Started in the declared order; each is `up` by its health check.
- Watched: an embedded server that has died and a program that was killed are started again within 2 s, however often; a
  program that keeps ending by itself ends the stack (component_process.py). One of Airflow's that is alive but sends no
  heartbeat is started again: Airflow calls it unhealthy after 30 s, and two readings 5 s apart have to agree, so within
  45 s of its last heartbeat (health_checks.py, health_monitor.py).
- Stopped in waves: a component after all that need it.

Tests: tests/newsreel/embedded/test_stack.py, tests/newsreel/embedded/test_live_servers.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from newsreel.embedded.component import Component, Site
from newsreel.embedded.component_process import ComponentProcess
from newsreel.embedded.health_monitor import HealthMonitor
from newsreel.embedded.orphans import kill_orphans
from newsreel.embedded.server import EmbeddedServer
from schemas.errors import DependencyError

Say = Callable[[str], None]

STOP_TIMEOUT_S = 9.0
"""For the programs: a task that is told to end takes up to 6 s of it. PostgreSQL and Redis come after that."""
LAST_WAVE_S = 2.0
"""How much of it each later wave of programs keeps for itself."""
POLL_S = 0.3


class Supervisor:
    """Components of one stack, from their start to their stop."""

    def __init__(
        self,
        site: Site,
        components: Sequence[Component],
        environment: Mapping[str, str],
        stack_id: str,
        say: Say,
    ) -> None:
        """`components` in the order in which they are started; `say` gets a line for each thing that happens."""
        self._site = site
        self._components = components
        self._stack_id = stack_id
        self._say = say
        self._servers: dict[str, EmbeddedServer] = {}
        self._processes: dict[str, ComponentProcess] = {}
        for component in components:
            if component.server:
                self._servers[component.name] = component.server(site.home)
            else:
                self._processes[component.name] = self._make_process(component, environment)
        checks = {
            component.name: partial(component.check, site) for component in components if component.check
        }
        self._monitor = HealthMonitor(checks, lambda name: self._processes[name].started)
        self._checked = list(checks)
        self._begun = time.monotonic()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, of the components that run."""
        running: dict[str, EmbeddedServer | ComponentProcess] = {**self._servers, **self._processes}
        return {name: part.pid for name, part in running.items() if part.pid is not None}

    def start(self) -> None:
        """Start every component; embedded servers answer when this returns. Raises DependencyError."""
        for component in self._components:
            if component.prepare and (done := component.prepare(self._site)):
                self._say_with_time(done)
            if component.name in self._servers:
                self._servers[component.name].start()
                self._say_with_time(self._servers[component.name].notice or f"{component.name} up")
            else:
                self._processes[component.name].start()
        self._monitor.start()

    def wait_until_up(self, timeout_s: float, on_poll: Callable[[], object]) -> None:
        """Wait until every component is up; `on_poll` is called every `POLL_S`, has to `watch`, and may raise.

        Raises DependencyError where one is not up within `timeout_s` of the stack's start.
        """
        waiting = list(self._checked)
        while True:
            on_poll()
            for name in [name for name in waiting if self._monitor.read_health(name).state == "up"]:
                waiting.remove(name)
                self._say_with_time(f"{name} up")
            if not waiting:
                return
            if time.monotonic() - self._begun > timeout_s:
                reasons = [f"{name} ({self._monitor.read_health(name).detail})" for name in waiting]
                raise DependencyError(
                    f"not up after {timeout_s:.0f} s: {', '.join(reasons)}; see {self._site.home / 'logs'}"
                )
            time.sleep(POLL_S)

    def watch(self) -> bool:
        """Start again what has died or hangs; returns whether there was anything. Call it every `POLL_S`.

        Raises DependencyError where a component keeps ending by itself, or a server does not start.
        """
        events = [*self._restart_servers(), *self._restart_processes()]
        for event in events:
            self._say(event)
        return bool(events)

    def stop(self) -> None:
        """Stop every component within `STOP_TIMEOUT_S` and some seconds; also half way through a start."""
        self._monitor.stop()
        waves = [
            [self._processes[component.name] for component in wave if component.name in self._processes]
            for wave in stop_waves(self._components)
        ]
        deadline = time.monotonic() + STOP_TIMEOUT_S
        waves = [wave for wave in waves if wave]
        for number, wave in enumerate(waves, start=1):
            for process in wave:
                process.request_stop()
            for process in wave:
                process.wait_stopped(deadline - LAST_WAVE_S * (len(waves) - number))
        kill_orphans(self._stack_id)
        for server in reversed(self._servers.values()):
            server.stop()

    def _restart_servers(self) -> Iterator[str]:
        for name, server in self._servers.items():
            if server.restart_if_dead():
                # What dies of that is not at fault.
                for process in self._processes.values():
                    process.forgive()
                yield server.notice or f"{name} had died and was started again"

    def _restart_processes(self) -> Iterator[str]:
        for name, process in self._processes.items():
            if event := process.restart_if_ended():
                yield event
            elif hang := self._monitor.find_hang(name):
                process.replace()
                yield f"{name} hangs ({hang}) and was started again"

    def _make_process(self, component: Component, environment: Mapping[str, str]) -> ComponentProcess:
        more = component.environment(self._site) if component.environment else {}
        return ComponentProcess(
            component.name,
            [sys.executable, *component.arguments_at(self._site)],
            {**environment, **more},
            self._stack_id,
            self._site.home / "logs",
        )

    def _say_with_time(self, text: str) -> None:
        self._say(f"{text} ({time.monotonic() - self._begun:.1f} s)")


def stop_waves(components: Sequence[Component]) -> Iterator[list[Component]]:
    """Groups of components in the order in which they are stopped: each after all that need it."""
    remaining = list(components)
    while remaining:
        needed = {name for component in remaining for name in component.needs}
        wave = [component for component in remaining if component.name not in needed]
        yield wave
        remaining = [component for component in remaining if component.name in needed]
