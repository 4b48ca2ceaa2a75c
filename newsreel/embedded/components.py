"""The components of the stack, in the order in which they are started. A new server or worker is one entry here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from newsreel.embedded.component import PORT, Component, Site
from newsreel.embedded.dag_test import program_environment
from newsreel.embedded.health_checks import AIRFLOW_HEALTH, check_heartbeat, check_http
from newsreel.embedded.ports import find_free_port
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.redis import EmbeddedRedis
from newsreel.embedded.servers import DATABASE_URL
from newsreel.embedded.stack_state import AIRFLOW_API_SERVER
from schemas.settings import settings

REDIS_URL = "NEWSREEL_REDIS_URL"
AIRFLOW_URL = "NEWSREEL_AIRFLOW_URL"
_LOCAL_URL = f"http://127.0.0.1:{PORT}"


def _airflow_environment(site: Site) -> Mapping[str, str]:
    """Settings of Airflow, and what the programs of its tasks need."""
    return {**program_environment(site.home), **site.airflow.environment()}


def _api_environment(site: Site) -> Mapping[str, str]:
    """The address that links name, unless the operator gave another one."""
    return {"NEWSREEL_PUBLIC_URL": settings().public_url or f"http://127.0.0.1:{site.ports['api']}"}


def _prepare_airflow(site: Site) -> str | None:
    """Migrate Airflow's database, and fail the runs of a `dag.test()` that was killed."""
    migrated = site.airflow.migrate()
    site.airflow.fail_abandoned_runs()
    return "Airflow's database is migrated" if migrated else None


COMPONENTS = (
    # Airflow keeps its rows in the embedded PostgreSQL, also where the operator's holds ours.
    Component("postgresql", server=EmbeddedPostgres, replaced_by=(DATABASE_URL, AIRFLOW_URL)),
    Component("redis", server=EmbeddedRedis, replaced_by=(REDIS_URL,)),
    Component(
        AIRFLOW_API_SERVER,
        ("-m", "airflow", "api-server"),
        needs=("postgresql",),
        url=_LOCAL_URL,
        replaced_by=(AIRFLOW_URL,),
        environment=_airflow_environment,
        prepare=_prepare_airflow,
        check=check_http(AIRFLOW_API_SERVER, AIRFLOW_HEALTH),
    ),
    Component(
        "airflow-scheduler",
        ("-m", "newsreel.embedded.airflow_scheduler"),
        # A task that is told to end reports to the API server.
        needs=("postgresql", AIRFLOW_API_SERVER),
        replaced_by=(AIRFLOW_URL,),
        environment=_airflow_environment,
        check=check_heartbeat("scheduler"),
    ),
    Component(
        "airflow-dag-processor",
        ("-m", "airflow", "dag-processor"),
        needs=("postgresql",),
        replaced_by=(AIRFLOW_URL,),
        environment=_airflow_environment,
        check=check_heartbeat("dag_processor"),
    ),
    Component(
        "api",
        ("-m", "streaming.api", "--host", "127.0.0.1", "--port", PORT),
        needs=("postgresql", "redis"),
        url=_LOCAL_URL,
        environment=_api_environment,
        check=check_http("api", "/readyz"),
    ),
    Component("consumers", ("-m", "streaming.consumers"), needs=("postgresql",)),
)
LIVE = ("postgresql", "redis", "api")
"""The stack without Airflow."""


def select_components(names: tuple[str, ...] | None = None) -> list[Component]:
    """The components of those names, default all, without those that servers of the operator's replace."""
    return [
        component
        for component in COMPONENTS
        if (names is None or component.name in names) and not _is_replaced(component)
    ]


def choose_ports(components: Iterable[Component], wanted: Mapping[str, int]) -> dict[str, int]:
    """A port for each component that listens on one: as wanted, a free one where that is 0 or missing."""
    return {
        component.name: wanted.get(component.name) or find_free_port()
        for component in components
        if component.has_port
    }


def build_environment(site: Site) -> dict[str, str]:
    """Environment of every program of a stack: this process's, and the URLs of the servers.

    The URL of Airflow has a password in it: it must not be logged or written to a file.
    """
    given = settings()
    environment = {
        **os.environ,
        "NEWSREEL_HOME": str(site.home),
        DATABASE_URL: given.database_url or EmbeddedPostgres(site.home).url(),
        REDIS_URL: given.redis_url or EmbeddedRedis(site.home).url,
        # No file of the folder that a command is typed in may hide a module.
        "PYTHONSAFEPATH": "1",
    }
    if given.airflow_url is None and AIRFLOW_API_SERVER in site.ports:
        environment[AIRFLOW_URL] = site.airflow.client_url
    return environment


def _is_replaced(component: Component) -> bool:
    """Whether all settings are set that replace it."""
    names = [variable.removeprefix("NEWSREEL_").lower() for variable in component.replaced_by]
    return bool(names) and all(getattr(settings(), name) is not None for name in names)
