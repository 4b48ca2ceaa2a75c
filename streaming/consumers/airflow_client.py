"""Airflow's REST API (v2), as much of it as we use."""

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
PATIENCE_S = 180.0
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
        """Whether it has come to its end."""
        return self.state in FINISHED_RUN


@dataclass(frozen=True)
class TaskRun:
    """Where one task of a run stands; `state` is None until it is scheduled."""

    task_id: str
    state: str | None
    attempt: int
    started: datetime | None
    ended: datetime | None
    duration_s: float | None


class AirflowClient:
    """One user's session with an Airflow. Raises DependencyError where it cannot be reached or refuses.

    What it is asked may be asked twice. A server that does not answer, or has lost its database, is asked again for
    PATIENCE_S as long as it `starts_again`: what was killed is brought back by its stack.
    """

    def __init__(self, url: str, starts_again: Callable[[], bool] = lambda: False) -> None:
        """`url`: `https://USER:PASSWORD@HOST`, as NEWSREEL_AIRFLOW_URL has it; `self.url` is without the user."""
        given = httpx.URL(url)
        self.url = str(given.copy_with(userinfo=b"")).rstrip("/")
        self._starts_again = starts_again
        self._login = {"username": given.username, "password": given.password}
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def health(self) -> dict[str, Any]:
        """`{component: {"status": ..., "latest_..._heartbeat": ...}}`; needs no token."""
        return self._send("GET", "/api/v2/monitor/health", token=False)

    def knows(self, dag_id: str) -> bool:
        """Whether the DAG's file has been read."""
        try:
            self._send("GET", f"/api/v2/dags/{_part(dag_id)}")
        except NotFoundError:
            return False
        return True

    def import_errors(self) -> dict[str, str]:
        """DAG files that cannot be imported, and why."""
        found = self._send("GET", "/api/v2/importErrors")
        return {entry["filename"]: entry["stack_trace"] for entry in found["import_errors"]}

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's schedule run. Raises NotFoundError where there is no such DAG."""
        self._send("PATCH", f"/api/v2/dags/{_part(dag_id)}", json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str, params: Mapping[str, Any] | None = None) -> DagRun:
        """Start a run; where one with this id is there already, that one is returned, and nothing is started."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(params or {})}
        answer = self._answer("POST", f"/api/v2/dags/{_part(dag_id)}/dagRuns", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return self.run(dag_id, run_id)
        return _dag_run(self._checked(answer))

    def backfill(self, dag_id: str, first: date, last: date) -> None:
        """Let Airflow run a DAG for each day of a span once more, both ends included, whatever became of it before."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "reprocess_behavior": "completed",
        }
        self._send("POST", "/api/v2/backfills", json=body)

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Where a run stands. Raises NotFoundError."""
        return _dag_run(self._send("GET", self._run_path(dag_id, run_id)))

    def active_runs(self, dag_id: str) -> int:
        """How many runs are queued or running."""
        query = {"state": ["queued", "running"], "limit": 1}
        found = self._send("GET", f"/api/v2/dags/{_part(dag_id)}/dagRuns", params=query)
        return int(found["total_entries"])

    def runs_named(self, dag_id: str, prefix: str) -> list[DagRun]:
        """The newest 100 runs whose id begins so, the newest first."""
        query = {"run_id_prefix_pattern": prefix, "order_by": "-run_after", "limit": 100}
        found = self._send("GET", f"/api/v2/dags/{_part(dag_id)}/dagRuns", params=query)
        return [_dag_run(entry) for entry in found["dag_runs"]]

    def fail(self, dag_id: str, run_id: str) -> None:
        """End a run as failed; Airflow kills its tasks on their next heartbeat."""
        self._send("PATCH", self._run_path(dag_id, run_id), json={"state": "failed"})

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """Where the tasks of a run stand."""
        found = self._send("GET", f"{self._run_path(dag_id, run_id)}/taskInstances")
        return [_task_run(entry) for entry in found["task_instances"]]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """What one attempt of a task has logged."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{_part(task_id)}/logs/{attempt}"
        found = self._send("GET", path, params={"full_content": True}, headers={"accept": "application/json"})
        return "\n".join(str(line.get("event", line)) for line in found["content"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        on_change: Callable[[TaskRun], None] | None = None,
    ) -> DagRun:
        """Wait for the end of a run; `on_change` is told each new state of each task.

        A long run is asked after less and less often: its end is noticed a twentieth of its length late at most.
        """
        told: dict[str, tuple[str | None, int]] = {}
        begun = time.monotonic()
        while True:
            run = self.run(dag_id, run_id)
            for task in self.tasks(dag_id, run_id) if on_change else ():
                if task.state and told.get(task.task_id) != (task.state, task.attempt) and on_change:
                    told[task.task_id] = (task.state, task.attempt)
                    on_change(task)
            if run.finished:
                return run
            time.sleep(min(LONGEST_POLL_S, max(SHORTEST_POLL_S, (time.monotonic() - begun) / 20)))

    def post_asset_event(self, uri: str) -> None:
        """Say that an asset has new data: the DAGs that are scheduled on it run."""
        found = self._send("GET", "/api/v2/assets", params={"uri_pattern": uri})
        ids = [entry["id"] for entry in found["assets"] if entry["uri"] == uri]
        if not ids:
            raise NotFoundError(
                f"Airflow has no asset {uri}: its DAG was not read yet, see the dag-processor's log"
            )
        self._send("POST", "/api/v2/assets/events", json={"asset_id": ids[0]})

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The page that shows a run."""
        return f"{self.url}/dags/{_part(dag_id)}/runs/{_part(run_id)}"

    def _run_path(self, dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}"

    def _send(self, method: str, path: str, *, token: bool = True, **request: Any) -> Any:
        return self._checked(self._answer(method, path, token=token, **request))

    def _answer(self, method: str, path: str, *, token: bool = True, **request: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._asked(method, path, token=token, **request)
                if not answer.is_server_error or not self._starts_again() or time.monotonic() > deadline:
                    return answer
            except (httpx.TransportError, DependencyError) as error:
                if not self._starts_again() or time.monotonic() > deadline:
                    raise DependencyError(f"Airflow at {self.url} cannot be reached: {error}") from error
            time.sleep(_RETRY_S)

    def _asked(self, method: str, path: str, *, token: bool, **request: Any) -> httpx.Response:
        if token and "authorization" not in self._http.headers:
            self._log_in()
        answer = self._http.request(method, path, **request)
        if token and answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._http.request(method, path, **request)
        return answer

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._login)
        self._http.headers["authorization"] = f"Bearer {self._checked(answer)['access_token']}"

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFoundError(f"Airflow: {_detail(answer)}")
        if answer.is_error:
            raise DependencyError(
                f"Airflow answered {answer.status_code} to {answer.request.url}: {_detail(answer)}"
            )
        return answer.json() if answer.content else None


def _detail(answer: httpx.Response) -> str:
    return " ".join(answer.text.split())[:400]


def _part(name: str) -> str:
    return quote(name, safe="")


def _dag_run(found: dict[str, Any]) -> DagRun:
    return DagRun(
        dag_id=found["dag_id"],
        run_id=found["dag_run_id"],
        state=found["state"],
        started=_time(found["start_date"]),
        ended=_time(found["end_date"]),
        conf=found.get("conf") or {},
    )


def _task_run(found: dict[str, Any]) -> TaskRun:
    return TaskRun(
        task_id=found["task_id"],
        state=found["state"],
        attempt=found["try_number"],
        started=_time(found["start_date"]),
        ended=_time(found["end_date"]),
        duration_s=found["duration"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
