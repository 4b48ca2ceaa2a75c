"""Health checks of components: an HTTP endpoint that answers, and the heartbeats in Airflow's own health endpoint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx

from newsreel.embedded.component import Health, Site

FIRST_HEARTBEAT_S = 300.0
"""A component of Airflow without a heartbeat for so long after its start is hung. Its imports take seconds, on a busy
machine more than a minute."""
AIRFLOW_HEALTH = "/api/v2/monitor/health"
_TIMEOUT_S = 5.0

Check = Callable[[Site, datetime], Health]


def check_http(name: str, path: str) -> Check:
    """Make a check of the component of that name: it is up if it answers GET `path` with success."""

    def check(site: Site, _started: datetime) -> Health:
        try:
            answer = _get(f"http://127.0.0.1:{site.ports[name]}{path}")
        except httpx.HTTPError as error:
            return Health("down", f"no answer: {error}")
        return (
            Health("up") if answer.is_success else Health("down", f"GET {path} answers {answer.status_code}")
        )

    return check


def check_heartbeat(kind: str) -> Check:
    """Make a check of a component of Airflow, `scheduler` or `dag_processor`, by the heartbeats it sends."""

    def check(site: Site, started: datetime) -> Health:
        try:
            report = _get(f"{site.airflow.url}{AIRFLOW_HEALTH}").raise_for_status().json()
            return judge_heartbeat(report, kind, started, datetime.now(UTC))
        except (httpx.HTTPError, ValueError, KeyError) as error:
            return Health("down", f"no report from Airflow's API server: {error}")

    return check


def judge_heartbeat(report: dict[str, Any], kind: str, started: datetime, now: datetime) -> Health:
    """Judge a component of Airflow, started at `started`, by a report of Airflow's health endpoint.

    Heartbeats from before its start are an earlier process's. Airflow calls a component unhealthy whose last heartbeat
    is older than its threshold (`HEALTH_THRESHOLD_S`). Without its database it knows nothing of any component.
    """
    if report["metadatabase"]["status"] != "healthy":
        return Health("down", "Airflow does not reach its database")
    latest = report[kind][f"latest_{kind}_heartbeat"]
    beat = datetime.fromisoformat(latest) if latest else None
    if beat is None or beat < started:
        hung = now - started > timedelta(seconds=FIRST_HEARTBEAT_S)
        return Health("hung" if hung else "down", "no heartbeat since its start")
    if report[kind]["status"] != "healthy":
        return Health("hung", f"no heartbeat for {(now - beat).total_seconds():.0f} s")
    return Health("up")


def _get(url: str) -> httpx.Response:
    return _client().get(url)


@cache
def _client() -> httpx.Client:
    """One client for all checks: each new one reads the CA certificates, 50 ms of CPU time. No connection is kept."""
    return httpx.Client(timeout=_TIMEOUT_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
