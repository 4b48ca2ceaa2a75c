"""Access to the Airflow of a HOME: the operator's by NEWSREEL_AIRFLOW_URL, else that of the stack that runs.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.stack_state import running_stack
from schemas.errors import DependencyError
from schemas.settings import settings
from streaming.consumers.airflow_client import AirflowClient

HEARTBEATS = ("scheduler", "dag_processor")
_POLL_S = 0.3


@dataclass(frozen=True)
class AirflowHealth:
    """Report of Airflow's health endpoint."""

    url: str
    """Without user and password."""
    database_up: bool
    silent: list[str]
    """Components that run or not, but send no heartbeat."""


def read_airflow_health(home: Path) -> AirflowHealth | None:
    """Read the health of this HOME's Airflow; None where neither a stack nor NEWSREEL_AIRFLOW_URL has one.

    Raises DependencyError where it does not answer.
    """
    given = settings().airflow_url
    state = running_stack(home)
    url = given.get_secret_value() if given else state.airflow_url if state else ""
    if not url:
        return None
    with AirflowClient(url) as airflow:
        report = airflow.health()
        silent = [kind for kind in HEARTBEATS if report[kind]["status"] != "healthy"]
        return AirflowHealth(airflow.url, report["metadatabase"]["status"] == "healthy", silent)


def has_airflow(home: Path) -> bool:
    """Whether DAGs of this HOME run on a scheduler, and not by `dag.test()`."""
    return settings().airflow_url is not None or running_stack(home) is not None


def airflow_client(home: Path) -> AirflowClient:
    """Open a session with the Airflow of this HOME; a stack that is starting is waited for.

    Once it has answered, requests are retried while it restarts. Raises DependencyError where there is none.
    """
    if url := settings().airflow_url:
        with AirflowClient(url.get_secret_value()) as first:
            first.health()
        return AirflowClient(url.get_secret_value(), restarts=lambda: True)
    while (state := running_stack(home)) and state.phase == "starting":
        time.sleep(_POLL_S)
    if state is None:
        raise DependencyError(f"no stack runs on {home}: start it with `newsreel up`")
    if not state.embeds_airflow:
        raise DependencyError(
            f"the stack on {home} uses the Airflow at {state.airflow_url}: set NEWSREEL_AIRFLOW_URL here as well"
        )
    port = httpx.URL(state.airflow_url).port or 80
    url_with_password = EmbeddedAirflow(home.absolute(), "", port).client_url
    return AirflowClient(url_with_password, restarts=lambda: running_stack(home) is not None)
