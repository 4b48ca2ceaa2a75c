"""Declaration of a component of the stack: program, needs, health check, URL, environment.

Tests: tests/newsreel/embedded/test_components.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.server import EmbeddedServer
from newsreel.embedded.stack_state import AIRFLOW_API_SERVER

PORT = "{port}"
"""Stands for the component's own port in a program's arguments and in its URL."""


class Health(NamedTuple):
    """Result of one health check."""

    state: Literal["up", "down", "hung"]
    """`hung`: its process runs, but its heartbeat has stopped. Such a component is started again."""
    detail: str = ""


@dataclass(frozen=True)
class Site:
    """Place of one stack: its HOME and the ports of its components."""

    home: Path
    ports: Mapping[str, int]
    dags_folder: Path | None = None
    """Another folder of DAGs than the project's; for tests."""

    @property
    def airflow(self) -> EmbeddedAirflow:
        """The embedded Airflow, whose rows are in the embedded PostgreSQL."""
        database_url = EmbeddedPostgres(self.home).url("airflow")
        return EmbeddedAirflow(
            self.home, database_url, self.ports.get(AIRFLOW_API_SERVER, 0), self.dags_folder
        )


@dataclass(frozen=True)
class Component:
    """One part of the stack: a program of this Python, or an embedded server that other processes may hold as well."""

    name: str
    program: Sequence[str] = ()
    """Arguments of the Python interpreter."""
    server: Callable[[Path], EmbeddedServer] | None = None
    """Makes the server of a HOME; instead of `program`."""
    needs: tuple[str, ...] = ()
    """Components that are started before this one and stopped after it, where they are part of the stack."""
    url: str | None = None
    replaced_by: tuple[str, ...] = ()
    """Settings that name servers of the operator's: where all of them are set, this component is not started."""
    environment: Callable[[Site], Mapping[str, str]] | None = None
    """More variables than every program gets."""
    prepare: Callable[[Site], str | None] | None = None
    """Runs once before the first start; returns what it did, for the operator to read."""
    check: Callable[[Site, datetime], Health] | None = None
    """Health check of the component that was started at that time; without one a component is up while it runs."""

    @property
    def has_port(self) -> bool:
        """Whether it listens on a port."""
        return any(PORT in text for text in (*self.program, self.url or ""))

    def url_at(self, site: Site) -> str | None:
        """Its URL in one stack."""
        return self.url.replace(PORT, str(site.ports[self.name])) if self.url else None

    def arguments_at(self, site: Site) -> list[str]:
        """Arguments of the Python interpreter in one stack."""
        port = str(site.ports.get(self.name, ""))
        return [argument.replace(PORT, port) for argument in self.program]
