"""DAG runs without a stack: each ends, or is failed cleanly, and leaves no process, whichever process is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.dag_test import run_dag_test
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.stack_state import scheduling_lock
from schemas.errors import ConflictError
from tests.dags.stand_ins import StandIns, make_stand_ins
from tests.processes import ChildProgram, is_gone, wait_until

RUN = """
import sys
from pathlib import Path
from newsreel.embedded.dag_test import run_dag_test
from schemas.errors import StageError
try:
    print(run_dag_test(Path(sys.argv[1]), "ingest_video", {"video_id": "a-video"}).state)
except StageError as error:
    print("StageError", error.detail)
"""
START_TIMEOUT_S = 600.0


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    return make_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@contextmanager
def started(home: Path, stand_ins: StandIns) -> Iterator[ChildProgram]:
    """A command that runs the DAG, and has come as far as its first program, which takes long."""
    stand_ins.plan(inspect_video={"sleep_s": 600, "child": True})
    with ChildProgram(
        [sys.executable, "-c", RUN, str(home)],
        env={**os.environ, **stand_ins.environment}, stdout=subprocess.PIPE,
    ) as command:  # fmt: skip
        assert wait_until(lambda: bool(stand_ins.calls()), START_TIMEOUT_S)
        yield command


def states(home: Path) -> list[str]:
    with psycopg.connect(EmbeddedPostgres(home).url("airflow")) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM dag_run ORDER BY id")]


def test_the_final_states_come_back(held_home: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch):
    for name, value in stand_ins.environment.items():
        monkeypatch.setenv(name, value)
    changes: list[tuple[str, str | None]] = []
    run = run_dag_test(
        held_home, "refresh_tables", on_change=lambda task: changes.append((task.task_id, task.state))
    )
    assert run.state == "success"
    assert [(task.task_id, task.state, task.attempt) for task in run.tasks] == [("refresh", "success", 1)]
    assert changes[-1] == ("refresh", "success")
    assert "refresh_tables works" in run.log_file.read_text()


def test_sigkill_of_the_airflow_process_fails_the_run_and_says_so(held_home: Path, stand_ins: StandIns):
    with started(held_home, stand_ins) as command:
        [call] = stand_ins.calls()
        [airflow] = [
            process
            for process in psutil.Process(command.pid).children(recursive=True)
            if "newsreel.embedded.dag_test_child" in process.cmdline()
        ]
        airflow.kill()
        said, _ = command.communicate()
    assert said.startswith("StageError the run of ingest_video was cut off")
    assert wait_until(lambda: is_gone(call["pid"]) and is_gone(call["child"]))
    assert states(held_home)[-1] == "failed"


def test_sigkill_of_the_command_takes_everything_along_and_a_later_stack_does_not_go_on_with_it(
    held_home: Path, stand_ins: StandIns
):
    with started(held_home, stand_ins) as command:
        [call] = stand_ins.calls()
        below = [process.pid for process in psutil.Process(command.pid).children(recursive=True)]
        command.kill()
    assert wait_until(lambda: all(is_gone(pid) for pid in [*below, call["pid"], call["child"]]))
    assert states(held_home)[-1] == "running"
    airflow = EmbeddedAirflow(held_home, EmbeddedPostgres(held_home).url("airflow"), 9)
    assert airflow.fail_abandoned_runs() == 1
    assert states(held_home)[-1] == "failed"
    assert airflow.fail_abandoned_runs() == 0


def test_it_refuses_while_a_stack_schedules(held_home: Path):
    with scheduling_lock(held_home, alone=True), pytest.raises(ConflictError, match="other runs use"):
        run_dag_test(held_home, "refresh_tables")


def test_several_run_side_by_side_and_a_stack_waits_for_none_of_them(held_home: Path):
    with (
        scheduling_lock(held_home, alone=False),
        scheduling_lock(held_home, alone=False),
        pytest.raises(ConflictError),
        scheduling_lock(held_home, alone=True),
    ):
        pass
