"""The whole stack, up: it runs DAGs, mends itself, lets nobody else in, and leaves nothing behind, killed or not."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from newsreel.embedded.orphans import find_orphans
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.stack import airflow_client, running_stack, stop_stack
from newsreel.embedded.stack_process import start_stack
from newsreel.embedded.stack_state import StackState, scheduling_lock
from schemas.errors import ConflictError
from schemas.settings import settings
from stores.delta import lake
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.dags.stand_ins import StandIns, make_stand_ins
from tests.processes import is_gone, wait_until

ACCEPT: dict[str, dict[str, Any]] = {
    "inspect_video": {"next": ["match"]},
    "match_video": {"next": ["encode"]},
}
RUN_TIMEOUT_S = 120.0
STOP_WITHIN_S = 15.0


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    return make_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="module")
def stack_home(tmp_path_factory: pytest.TempPathFactory, stand_ins: StandIns) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "LAKE_URI", "MEDIA_URI"):
            patch.delenv(f"NEWSREEL_{name}", raising=False)
        patch.setenv("NEWSREEL_HOME", str(home))
        for name, value in stand_ins.environment.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield home
        stop_stack(home)
        shutil.rmtree(EmbeddedPostgres(home).folder)
        settings.cache_clear()


def healthy_stack(home: Path) -> StackState:
    lines: list[str] = []
    state = start_stack(home, lines.append, api_port=0)
    assert any("Airflow" in line for line in lines)
    return state


@pytest.fixture
def stack(stack_home: Path) -> StackState:
    """The stack of this module, started by the first test that asks for it."""
    return running_stack(stack_home) or healthy_stack(stack_home)


def ingest_calls(stand_ins: StandIns) -> list[dict[str, Any]]:
    """Stages of ingests that were run; a new stack also makes up for the refresh of the night before."""
    return [call for call in stand_ins.calls() if call["program"] != "refresh_tables"]


def test_a_run_goes_through_airflow_and_is_seen_over_its_rest_api(
    stack: StackState, stack_home: Path, stand_ins: StandIns
):
    stand_ins.plan(**ACCEPT)
    changes: list[tuple[str, str | None]] = []
    with airflow_client(stack_home) as airflow:
        started = airflow.trigger("ingest_video", "a-video-1", {"video_id": "a-video"})
        again = airflow.trigger("ingest_video", "a-video-1", {"video_id": "a-video"})
        assert (again.dag_id, again.run_id) == (started.dag_id, started.run_id)
        run = airflow.wait(
            "ingest_video", "a-video-1", lambda task: changes.append((task.task_id, task.state))
        )
        assert run.state == "success"
        states = {task.task_id: task.state for task in airflow.tasks("ingest_video", "a-video-1")}
        assert states == {
            "inspect": "success", "match": "success", "encode": "success", "publish": "success",
            "reject": "skipped", "fail": "skipped",
        }  # fmt: skip
        assert ("publish", "success") in changes
        assert "publish works" in airflow.log("ingest_video", "a-video-1", "publish", 1)
        assert airflow.run_url("ingest_video", "a-video-1").startswith(stack.airflow_url)
    assert len(ingest_calls(stand_ins)) == 4, "the second trigger started nothing"


def test_sigkill_of_a_tasks_process_takes_its_engine_along_and_the_task_is_run_again(
    stack: StackState, stack_home: Path, stand_ins: StandIns
):
    stand_ins.plan(**{**ACCEPT, "encode_video": {"sleep_s": 600, "child": True}})
    with airflow_client(stack_home) as airflow:
        airflow.trigger("ingest_video", "killed-1", {"video_id": "killed"})
        assert wait_until(lambda: len(ingest_calls(stand_ins)) == 3, RUN_TIMEOUT_S)
        engine = ingest_calls(stand_ins)[-1]
        leash = psutil.Process(engine["pid"]).parent()
        task = leash and leash.parent()
        assert task
        task.kill()
        assert wait_until(lambda: is_gone(engine["pid"]) and is_gone(engine["child"]))
        assert airflow.wait("ingest_video", "killed-1").state == "success"
        attempts = {found.task_id: found.attempt for found in airflow.tasks("ingest_video", "killed-1")}
    assert attempts["encode"] == 2


def test_a_change_reaches_the_lake_and_starts_a_refresh(
    stack: StackState, stack_home: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
):
    stand_ins.plan()
    monkeypatch.setenv("NEWSREEL_DATABASE_URL", stack.database_url)
    settings.cache_clear()
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u1"}, {"user_name": "Ada", "created": datetime.now(UTC)})
    # Not the one of the night before, which a new stack makes up for: that one is for a day.
    assert wait_until(
        lambda: any(
            call["program"] == "refresh_tables" and "--day" not in call["options"]
            for call in stand_ins.calls()
        ),
        RUN_TIMEOUT_S,
    )
    assert lake().read("events", columns=["row_key"]).to_pylist() == [{"row_key": "u1"}]
    assert wait_until(lambda: not (stack_home / "sink.unrefreshed").exists())


def test_it_listens_on_the_loopback_address_only(stack: StackState):
    for pid in stack.components.values():
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", pid


def test_its_secrets_are_for_its_owner_and_not_in_its_state_file(stack: StackState, stack_home: Path):
    secret_files = [stack_home / "airflow" / "passwords.json", *(stack_home / "airflow" / "keys").iterdir()]
    assert len(secret_files) == 4
    shown = (stack_home / "stack.json").read_text()
    for file in secret_files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() not in shown


def test_airflow_asks_who_is_there(stack: StackState):
    assert (
        httpx.get(f"{stack.airflow_url}/api/v2/dags", trust_env=False).status_code == httpx.codes.UNAUTHORIZED
    )
    body = {"username": "admin", "password": "admin"}
    answer = httpx.post(f"{stack.airflow_url}/auth/token", json=body, trust_env=False)
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_nobody_else_schedules_on_this_home(stack: StackState, stack_home: Path):
    with pytest.raises(ConflictError, match="other runs use"), scheduling_lock(stack_home, alone=False):
        pass


def test_a_component_that_is_killed_is_started_again_without_what_it_left(
    stack: StackState, stack_home: Path
):
    before = find_orphans(stack.stack_id, "airflow-scheduler")
    os.kill(stack.components["airflow-scheduler"], signal.SIGKILL)
    assert wait_until(lambda: all(is_gone(process.pid) for process in before))

    def started_again() -> bool:
        now = running_stack(stack_home)
        return (
            now is not None and now.components["airflow-scheduler"] != stack.components["airflow-scheduler"]
        )

    assert wait_until(started_again)


def test_down_ends_every_process_in_time(stack: StackState, stack_home: Path):
    pids = {process.pid for process in find_orphans(stack.stack_id)}
    assert pids >= set(stack.components.values())
    begun = time.monotonic()
    assert stop_stack(stack_home) is True
    assert time.monotonic() - begun < STOP_WITHIN_S
    assert all(is_gone(pid) for pid in pids)
    assert not EmbeddedPostgres(stack_home).running
    assert running_stack(stack_home) is None
    assert stop_stack(stack_home) is False


def test_what_a_killed_stack_left_is_found_and_ended(stack_home: Path):
    stack = healthy_stack(stack_home)
    os.kill(stack.pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(stack.pid))
    assert find_orphans(stack.stack_id, "airflow-scheduler"), "its workers live on; else this shows nothing"
    assert EmbeddedPostgres(stack_home).running
    assert stop_stack(stack_home) is True
    assert find_orphans(stack.stack_id) == []
    assert not EmbeddedPostgres(stack_home).running
