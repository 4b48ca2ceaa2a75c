"""Client of Airflow's REST API (v2).

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from schemas.errors import DependencyError, NotFoundError

FINISHED_RUN = frozenset({"success", "failed"})
RETRY_WITHIN_S = 180.0
SHORTEST_POLL_S, LONGEST_POLL_S = 1.0, 5.0
_TIMEOUT_S = 30.0
_RETRY_S = 1.0


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG; `state` is queued, running, success or failed."""

    dag_id: str
    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    conf: dict[str, Any]

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.state in FINISHED_RUN


@dataclass(frozen=True)
class TaskRun:
    """State of one task of a run; `state` is None until it is scheduled."""

    task_id: str
    state: str | None
    attempt: int
    started: datetime | None
    ended: datetime | None
    duration_s: float | None


class AirflowClient:
    """A user's session with an Airflow. Raises DependencyError if it is unreachable or returns an error.

    All requests are idempotent. While the server `restarts` (its stack restarts a killed one), requests that fail
    because it or its database is down are retried for RETRY_WITHIN_S.
    """

    def __init__(self, url: str, restarts: Callable[[], bool] = lambda: False) -> None:
        """`url`: `https://USER:PASSWORD@HOST`, as in NEWSREEL_AIRFLOW_URL; `self.url` is without the user.

        `restarts`: whether a server that is down will be restarted.
        """
        given = httpx.URL(url)
        self.url = str(given.copy_with(userinfo=b"")).rstrip("/")
        self._restarts = restarts
        self._login = {"username": given.username, "password": given.password}
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def health(self) -> dict[str, Any]:
        """`{component: {"status": ..., "latest_..._heartbeat": ...}}`; requires no token."""
        return self._send("GET", "/api/v2/monitor/health", token=False)

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG's file has been parsed."""
        try:
            self._send("GET", f"/api/v2/dags/{_quote(dag_id)}")
        except NotFoundError:
            return False
        return True

    def import_errors(self) -> dict[str, str]:
        """Stack traces of the DAG files that cannot be imported, by file name."""
        answer = self._send("GET", "/api/v2/importErrors")
        return {entry["filename"]: entry["stack_trace"] for entry in answer["import_errors"]}

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG's schedule. Raises NotFoundError."""
        self._send("PATCH", f"/api/v2/dags/{_quote(dag_id)}", json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str, params: Mapping[str, Any] | None = None) -> DagRun:
        """Start a run; if one with this id exists, returns that one and starts nothing."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(params or {})}
        answer = self._request("POST", f"/api/v2/dags/{_quote(dag_id)}/dagRuns", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return self.run(dag_id, run_id)
        return _parse_dag_run(self._parse(answer))

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        """Rerun a DAG for each day of a range, both ends included, whatever the state of earlier runs."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "reprocess_behavior": "completed",
        }
        self._send("POST", "/api/v2/backfills", json=body)

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Read a run. Raises NotFoundError."""
        return _parse_dag_run(self._send("GET", self._run_path(dag_id, run_id)))

    def count_active_runs(self, dag_id: str) -> int:
        """Number of runs that are queued or running."""
        query = {"state": ["queued", "running"], "limit": 1}
        answer = self._send("GET", f"/api/v2/dags/{_quote(dag_id)}/dagRuns", params=query)
        return int(answer["total_entries"])

    def list_runs(self, dag_id: str, prefix: str) -> list[DagRun]:
        """The newest 100 runs whose id has this prefix, newest first."""
        query = {"run_id_prefix_pattern": prefix, "order_by": "-run_after", "limit": 100}
        answer = self._send("GET", f"/api/v2/dags/{_quote(dag_id)}/dagRuns", params=query)
        return [_parse_dag_run(entry) for entry in answer["dag_runs"]]

    def fail(self, dag_id: str, run_id: str) -> None:
        """End a run as failed; Airflow kills its tasks on their next heartbeat."""
        self._send("PATCH", self._run_path(dag_id, run_id), json={"state": "failed"})

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """States of the tasks of a run."""
        answer = self._send("GET", f"{self._run_path(dag_id, run_id)}/taskInstances")
        return [_parse_task_run(entry) for entry in answer["task_instances"]]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """The log of one attempt of a task."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{_quote(task_id)}/logs/{attempt}"
        answer = self._send(
            "GET", path, params={"full_content": True}, headers={"accept": "application/json"}
        )
        return "\n".join(str(line.get("event", line)) for line in answer["content"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        on_change: Callable[[TaskRun], None] | None = None,
    ) -> DagRun:
        """Wait for the end of a run; `on_change` is called with each new state of each task.

        The polling interval grows with the run: its end is noticed at most a twentieth of its length late.
        """
        reported: dict[str, tuple[str | None, int]] = {}
        begun = time.monotonic()
        while True:
            run = self.run(dag_id, run_id)
            for task in self.tasks(dag_id, run_id) if on_change else ():
                if task.state and reported.get(task.task_id) != (task.state, task.attempt) and on_change:
                    reported[task.task_id] = (task.state, task.attempt)
                    on_change(task)
            if run.finished:
                return run
            time.sleep(min(LONGEST_POLL_S, max(SHORTEST_POLL_S, (time.monotonic() - begun) / 20)))

    def post_asset_event(self, uri: str) -> None:
        """Report new data of an asset, which starts the DAGs scheduled on it. Raises NotFoundError."""
        answer = self._send("GET", "/api/v2/assets", params={"uri_pattern": uri})
        ids = [entry["id"] for entry in answer["assets"] if entry["uri"] == uri]
        if not ids:
            raise NotFoundError(
                f"Airflow has no asset {uri}: its DAG is not parsed yet, see the dag-processor's log"
            )
        self._send("POST", "/api/v2/assets/events", json={"asset_id": ids[0]})

    def run_url(self, dag_id: str, run_id: str) -> str:
        """URL of a run's page."""
        return f"{self.url}/dags/{_quote(dag_id)}/runs/{_quote(run_id)}"

    def _run_path(self, dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{_quote(dag_id)}/dagRuns/{_quote(run_id)}"

    def _send(self, method: str, path: str, *, token: bool = True, **request: Any) -> Any:
        return self._parse(self._request(method, path, token=token, **request))

    def _request(self, method: str, path: str, *, token: bool = True, **request: Any) -> httpx.Response:
        deadline = time.monotonic() + RETRY_WITHIN_S
        while True:
            try:
                answer = self._authenticate_and_send(method, path, token=token, **request)
                if not answer.is_server_error or not self._restarts() or time.monotonic() > deadline:
                    return answer
            except (httpx.TransportError, DependencyError) as error:
                if not self._restarts() or time.monotonic() > deadline:
                    raise DependencyError(f"Airflow at {self.url} is unreachable: {error}") from error
            time.sleep(_RETRY_S)

    def _authenticate_and_send(
        self, method: str, path: str, *, token: bool, **request: Any
    ) -> httpx.Response:
        if token and "authorization" not in self._http.headers:
            self._log_in()
        answer = self._http.request(method, path, **request)
        if token and answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._http.request(method, path, **request)
        return answer

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._login)
        self._http.headers["authorization"] = f"Bearer {self._parse(answer)['access_token']}"

    def _parse(self, answer: httpx.Response) -> Any:
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFoundError(f"Airflow: {_extract_detail(answer)}")
        if answer.is_error:
            raise DependencyError(
                f"Airflow answered {answer.status_code} to {answer.request.url}: {_extract_detail(answer)}"
            )
        return answer.json() if answer.content else None


def _extract_detail(answer: httpx.Response) -> str:
    return " ".join(answer.text.split())[:400]


def _quote(name: str) -> str:
    return quote(name, safe="")


def _parse_dag_run(fields: dict[str, Any]) -> DagRun:
    return DagRun(
        dag_id=fields["dag_id"],
        run_id=fields["dag_run_id"],
        state=fields["state"],
        started=_parse_time(fields["start_date"]),
        ended=_parse_time(fields["end_date"]),
        conf=fields.get("conf") or {},
    )


def _parse_task_run(fields: dict[str, Any]) -> TaskRun:
    return TaskRun(
        task_id=fields["task_id"],
        state=fields["state"],
        attempt=fields["try_number"],
        started=_parse_time(fields["start_date"]),
        ended=_parse_time(fields["end_date"]),
        duration_s=fields["duration"],
    )


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
