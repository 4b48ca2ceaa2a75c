"""Restart rule of components: what is killed is back at once, what ends by itself again and again is given up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsreel.embedded import component_process
from newsreel.embedded.component_process import EARLY_EXITS, ComponentProcess
from newsreel.embedded.orphans import find_orphans
from schemas.errors import DependencyError
from tests.processes import is_gone, wait_until

BACK_WITHIN_S = 2.0 * 3
"""The promise, on a machine three times as slow."""
KILLS = 5
SLEEP = "import time; print('sleeps', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(600)"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[ComponentProcess]]:
    """Processes to stop after the test."""
    processes: list[ComponentProcess] = []
    yield processes
    for process in processes:
        process.request_stop()
        process.wait_stopped(time.monotonic())
        process.kill_orphans()


@pytest.fixture
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_process, "START_SPACING_S", 0.0)


def start(started: list[ComponentProcess], folder: Path, program: str) -> ComponentProcess:
    process = ComponentProcess(
        "program", [sys.executable, "-c", program], dict(os.environ), str(folder), folder / "logs"
    )
    started.append(process)
    process.start()
    return process


def watch_until_restarted(process: ComponentProcess) -> str:
    """What a turn of the watch loop says once it has started the process again."""
    while (event := process.restart_if_ended()) is None:
        time.sleep(0.05)
    return event


def test_a_killed_process_is_back_within_2_s_however_often(
    tmp_path: Path, started: list[ComponentProcess]
) -> None:
    process = start(started, tmp_path, SLEEP)
    for _ in range(KILLS):
        before = process.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        begun = time.monotonic()
        event = watch_until_restarted(process)
        assert time.monotonic() - begun < BACK_WITHIN_S
        assert event.startswith("program was killed (signal 9), starting it again")
        assert process.pid not in (None, before)
        assert process.exit_status() is None


@pytest.mark.usefixtures("quick_restarts")
def test_one_that_ends_by_itself_again_and_again_is_given_up_with_its_last_words(
    tmp_path: Path, started: list[ComponentProcess]
) -> None:
    process = start(started, tmp_path, "import sys; print('no port is free'); sys.exit(7)")
    for _ in range(EARLY_EXITS - 1):
        assert "exit status 7" in watch_until_restarted(process)
    with pytest.raises(
        DependencyError, match=r"program keeps ending \(exit status 7\): no port is free; see .*log"
    ):
        watch_until_restarted(process)


@pytest.mark.usefixtures("quick_restarts")
def test_one_that_ends_with_status_0_is_given_up_too(tmp_path: Path, started: list[ComponentProcess]) -> None:
    process = start(started, tmp_path, "")
    for _ in range(EARLY_EXITS - 1):
        watch_until_restarted(process)
    with pytest.raises(DependencyError, match=r"exit status 0\): it logged nothing"):
        watch_until_restarted(process)


@pytest.mark.usefixtures("quick_restarts")
def test_exits_after_a_long_run_are_never_given_up(
    tmp_path: Path, started: list[ComponentProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(component_process, "EARLY_EXIT_S", 0.0)
    process = start(started, tmp_path, "raise SystemExit(7)")
    for _ in range(EARLY_EXITS + 1):
        assert "starting it again" in watch_until_restarted(process)


@pytest.mark.usefixtures("quick_restarts")
def test_exits_are_forgiven_where_a_server_was_at_fault(
    tmp_path: Path, started: list[ComponentProcess]
) -> None:
    process = start(started, tmp_path, "raise SystemExit(7)")
    for _ in range(EARLY_EXITS + 1):
        watch_until_restarted(process)
        process.forgive()


def test_a_hung_process_is_replaced_with_its_children(
    tmp_path: Path, started: list[ComponentProcess]
) -> None:
    process = start(started, tmp_path, PARENT)
    assert wait_until(lambda: len(find_orphans(str(tmp_path))) == 2)
    before = [child.pid for child in find_orphans(str(tmp_path))]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    assert process.restart_if_ended() is None, "a pid check sees nothing"
    process.replace()
    assert all(is_gone(pid) for pid in before)
    assert process.exit_status() is None
