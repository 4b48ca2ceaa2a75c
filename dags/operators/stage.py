"""Stage mix-in of all operators: runs a stage program as a child, reads its outcome, takes the branch that it names.

Tests: tests/dags/test_ingest_video.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.operators.child import Child
from schemas.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    class _Operator(BaseOperator, BranchMixIn):
        """The type that the mix-in extends."""
else:
    _Operator = object

_NOT_FOR_PROGRAMS = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "_AIRFLOW")
"""Airflow's keys and passwords, which stage programs must not see."""


class StageMixIn(_Operator):
    """Runs one stage program and follows the branch in its outcome.

    The program gets `--run-id`, `--attempt`, `--outcome FILE` and, if the run has one, `--video-id`. It writes JSON to
    the file: `next`, the tasks to continue with (empty: all), and `rows` and `detail`, which become the XCom.

    It is listed before the operator's own class, so that its `on_kill` overrides; Airflow's `BranchMixIn` is last,
    because it swallows the arguments of `__init__`.
    """

    _child: Child | None = None

    def run_stage(
        self,
        context: Context,
        program: Sequence[str],
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        ends_run: bool = False,
    ) -> None:
        """Run `program` with its arguments and `options`. Raises AirflowException if it fails.

        With `ends_run` the task fails without retry when the program has done its work.
        """
        with _outcome_file(context) as outcome:
            command = [*program, *build_stage_arguments(context, outcome), *options]
            self.log.info("Running %s", " ".join(command))
            own = {**program_environment(), **request_environment(context), **(environment or {})}
            self._child = Child(command, own, self._say)
            status = self._child.run()
            result = json.loads(outcome.read_text()) if outcome.exists() else None
        if ends_run and result is not None:
            raise AirflowFailException(result.get("detail") or "a stage of this run has failed")
        if status:
            raise AirflowException(f"{program[-1]} {describe_status(status)}; see its last lines above")
        self._continue(context, result or {})

    def on_kill(self) -> None:
        """Kill the program and all that it started."""
        if self._child:
            self._child.kill()

    def _say(self, line: str) -> None:
        self.log.info("%s", line)

    def _continue(self, context: Context, result: dict[str, Any]) -> None:
        if result.get("detail"):
            self.log.info("%s: %s", context["ti"].task_id, result["detail"])
        # Pushed here, not returned: skipping is an exception in Airflow 3, which drops what execute() returns.
        counts = {name: result[name] for name in ("rows", "detail") if result.get(name) is not None}
        context["ti"].xcom_push(key="return_value", value=counts)
        if result.get("next"):
            self.do_branch(context, result["next"])


def build_stage_arguments(context: Context, outcome: Path) -> list[str]:
    """Build the command-line arguments of every stage program."""
    video_id = context["params"].get("video_id")
    video = ["--video-id", str(video_id)] if video_id else []
    run = ["--run-id", str(context["run_id"]), "--attempt", str(context["ti"].try_number)]
    return [*video, *run, "--outcome", str(outcome)]


def request_environment(context: Context) -> dict[str, str]:
    """The id of the request that caused the run, if any, for the events that the program records."""
    request_id = context["params"].get("request_id")
    return {"NEWSREEL_REQUEST_ID": str(request_id)} if request_id else {}


def program_environment() -> dict[str, str]:
    """This environment without Airflow's keys; PYTHONSAFEPATH, so that no file beside the program hides a module."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_PROGRAMS)}
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def describe_status(status: int) -> str:
    """Describe an exit status in words."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"


@contextmanager
def _outcome_file(context: Context) -> Iterator[Path]:
    ti = context["ti"]
    folder = settings().home / "runs" / str(context["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ti.task_id}-{ti.try_number}.json"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
