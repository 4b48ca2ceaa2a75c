"""Whether the parts of a stack are up: asked again and again while it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import httpx

from schemas.errors import DependencyError
from streaming.consumers.airflow_client import AirflowClient

_COMPONENTS = ("scheduler", "dag_processor")
_TIMEOUT_S = 5.0


class Waiting:
    """What is not up yet, of a stack that is being started now."""

    def __init__(self, airflow: AirflowClient, api_url: str, dags: Sequence[str]) -> None:
        self._airflow = airflow
        self._api_url = api_url
        self._dags = dags
        self._since = datetime.now(UTC)
        # In this order: DAGs are asked for only once Airflow is up.
        self._checks: dict[str, Callable[[], bool]] = {
            "API": self._api_is_up,
            "Airflow": self._airflow_is_up,
            "DAGs": self._dags_are_known,
        }

    def __str__(self) -> str:
        return " and ".join(self._checks)

    def __bool__(self) -> bool:
        return bool(self._checks)

    def newly_up(self) -> Iterator[str]:
        """Ask again; the names of what has come up since the last time."""
        for name, is_up in list(self._checks.items()):
            if name == "DAGs" and "Airflow" in self._checks:
                return
            if is_up():
                del self._checks[name]
                yield name

    def reason(self) -> str | None:
        """Why the DAGs are not known: the last line of the first error in their files."""
        if "Airflow" in self._checks:
            return None
        errors = list(self._airflow.import_errors().values())
        return errors[0].strip().splitlines()[-1] if errors else None

    def _api_is_up(self) -> bool:
        try:
            answer = httpx.get(f"{self._api_url}/readyz", timeout=_TIMEOUT_S, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.is_success

    def _airflow_is_up(self) -> bool:
        """Whether its components have reported since we started: an earlier stack's last reports are there too."""
        try:
            health = self._airflow.health()
        except DependencyError:
            return False
        for component in _COMPONENTS:
            seen = health[component][f"latest_{component}_heartbeat"]
            if health[component]["status"] != "healthy" or datetime.fromisoformat(seen) < self._since:
                return False
        return str(health["metadatabase"]["status"]) == "healthy"

    def _dags_are_known(self) -> bool:
        return all(self._airflow.has_dag(dag_id) for dag_id in self._dags)
