"""The whole stack, up: it runs DAGs, restarts what fails, is closed to others, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.airflow_access import airflow_client, read_airflow_health
from newsreel.embedded.leftovers import stop_stack
from newsreel.embedded.orphans import find_orphans
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.stack_process import start_stack
from newsreel.embedded.stack_state import StackState, running_stack, scheduling_lock
from newsreel.health import _check_airflow
from schemas.errors import ConflictError, DependencyError, NewsreelError
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
RUN_TIMEOUT_S = 600.0
STOP_WITHIN_S = 15.0
BACK_WITHIN_S = 2.0 * 3
"""The promise, on a machine three times as slow."""
KILLS = 5
SERVERS = {"postgresql", "redis"}
"""Components that are not children of the stack's process."""


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    return make_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="module")
def stack_home(tmp_path_factory: pytest.TempPathFactory, stand_ins: StandIns) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "AIRFLOW_URL", "LAKE_URI", "MEDIA_URI"):
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


def has_restarted(home: Path, name: str, before: int) -> bool:
    """Whether a component has another process than before."""
    state = running_stack(home)
    return state is not None and state.components.get(name, before) != before


def has_heartbeat(url: str, pid: int) -> bool:
    """Whether this process of the scheduler, and not one before it, has sent its heartbeats."""
    report = httpx.get(f"{url}/api/v2/monitor/health", trust_env=False).json()["scheduler"]
    beat = datetime.fromisoformat(report["latest_scheduler_heartbeat"])
    return report["status"] == "healthy" and beat.timestamp() > psutil.Process(pid).create_time() + 1


@pytest.fixture(scope="module")
def stopped_scheduler(stack_home: Path) -> int:
    """The scheduler's process, alive but stopped since the first test that asks for it."""
    state = running_stack(stack_home)
    assert state
    pid = state.components["airflow-scheduler"]
    assert wait_until(lambda: has_heartbeat(state.airflow_url, pid))
    os.kill(pid, signal.SIGSTOP)
    return pid


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
    killed = stack.components["airflow-scheduler"]
    assert wait_until(lambda: has_restarted(stack_home, "airflow-scheduler", killed))


def test_a_component_is_back_soon_however_often_it_is_killed(
    stack: StackState, stack_home: Path, stopped_scheduler: int
):
    for _ in range(KILLS):
        state = running_stack(stack_home)
        assert state
        pid = state.components["consumers"]
        os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        assert wait_until(partial(has_restarted, stack_home, "consumers", pid))
        assert time.monotonic() - begun < BACK_WITHIN_S


def test_a_scheduler_that_is_alive_but_sends_no_heartbeat_is_started_again(
    stack: StackState, stack_home: Path, stopped_scheduler: int
):
    assert wait_until(lambda: not has_heartbeat(stack.airflow_url, stopped_scheduler))
    with pytest.raises(NewsreelError, match="no heartbeat from the scheduler"):
        _check_airflow()
    assert wait_until(lambda: has_restarted(stack_home, "airflow-scheduler", stopped_scheduler))
    assert is_gone(stopped_scheduler)
    state = running_stack(stack_home)
    assert state
    pid = state.components["airflow-scheduler"]
    assert wait_until(lambda: has_heartbeat(stack.airflow_url, pid))
    assert "send heartbeats" in _check_airflow()


def test_an_airflow_of_the_operators_is_used_and_none_is_started(
    stack: StackState,
    stack_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    port = int(stack.airflow_url.rpartition(":")[2])
    airflow = EmbeddedAirflow(stack_home, "", port)
    other_home = tmp_path / "home"
    monkeypatch.setenv("NEWSREEL_HOME", str(other_home))
    monkeypatch.setenv("NEWSREEL_AIRFLOW_URL", airflow.client_url)
    settings.cache_clear()
    other = start_stack(other_home, lambda _line: None, api_port=0)
    try:
        assert set(other.components) == {"postgresql", "redis", "api", "consumers"}
        assert other.airflow_url == stack.airflow_url
        with airflow_client(other_home) as client:
            run = client.trigger("ingest_video", "of-another-home-1", {"video_id": "of-another-home"})
            client.fail("ingest_video", run.run_id)
        assert read_airflow_health(other_home) is not None
        files = [path for path in other_home.rglob("*") if path.is_file()]
        assert files
        assert not any(airflow.password.encode() in path.read_bytes() for path in files)
        monkeypatch.delenv("NEWSREEL_AIRFLOW_URL")
        settings.cache_clear()
        with pytest.raises(DependencyError, match="set NEWSREEL_AIRFLOW_URL here as well"):
            airflow_client(other_home)
    finally:
        assert stop_stack(other_home)
        shutil.rmtree(EmbeddedPostgres(other_home).folder)
        settings.cache_clear()


def test_down_ends_every_process_in_time(stack: StackState, stack_home: Path):
    stack = running_stack(stack_home) or stack
    children = {process.pid for process in find_orphans(stack.stack_id)}
    assert children >= {pid for name, pid in stack.components.items() if name not in SERVERS}
    pids = children | set(stack.components.values())
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
