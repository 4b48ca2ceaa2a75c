"""Ingest slots: however many ingests are started, a few run at a time, and every one gets its turn."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from newsreel.ingest_slots import ingest_slot, video_lock
from schemas.dags import CONCURRENT_INGESTS
from tests.processes import ChildProgram

QUEUED = 200
INGEST = """
import pathlib, sys, time
from newsreel.ingest_slots import ingest_slot, video_lock
home, inside = map(pathlib.Path, sys.argv[1:3])
with ingest_slot(home, lambda said: None):
    mark = inside / sys.argv[3]
    mark.touch()
    print(len(list(inside.iterdir())), flush=True)
    time.sleep(0.02)
    mark.unlink()
"""


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "inside"
    folder.mkdir()
    return folder


def queue_ingest(tmp_path: Path, inside: Path, number: int) -> ChildProgram:
    return ChildProgram(
        [sys.executable, "-S", "-c", INGEST, str(tmp_path / "home"), str(inside), str(number)],
        stdout=subprocess.PIPE,
    )  # fmt: skip


def test_of_200_queued_at_once_a_few_are_at_work_and_none_starves(tmp_path: Path, inside: Path) -> None:
    with ExitStack() as running:
        waiting = [running.enter_context(queue_ingest(tmp_path, inside, number)) for number in range(QUEUED)]
        counts = [int(process.communicate()[0]) for process in waiting]
    assert all(process.returncode == 0 for process in waiting)
    assert len(counts) == QUEUED
    assert max(counts) <= CONCURRENT_INGESTS


def test_a_killed_one_gives_its_place_back(tmp_path: Path, inside: Path) -> None:
    said: list[str] = []
    with ExitStack() as running:
        holding = [
            running.enter_context(ChildProgram(
                [sys.executable, "-c", INGEST.replace("0.02", "600"), str(tmp_path / "home"), str(inside), str(number)],
                stdout=subprocess.PIPE,
            ))
            for number in range(CONCURRENT_INGESTS)
        ]  # fmt: skip
        for process in holding:
            assert process.stdout is not None
            process.stdout.readline()
        holding[0].send_signal(signal.SIGKILL)
        holding[0].communicate()
        with ingest_slot(tmp_path / "home", said.append):
            assert said == []
        for process in holding[1:]:
            process.kill()


def test_two_runs_of_one_video_go_one_after_the_other(tmp_path: Path) -> None:
    program = (
        "import functools, pathlib, sys; from newsreel.ingest_slots import video_lock\n"
        "say = functools.partial(print, flush=True)\n"
        "with video_lock(pathlib.Path(sys.argv[1]), 'v', say): say('in'); sys.stdin.readline()"
    )
    said: list[str] = []
    command = [sys.executable, "-c", program, str(tmp_path)]
    with ExitStack() as running:
        first = running.enter_context(ChildProgram(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert first.stdout is not None
        assert first.stdout.readline() == "in\n"
        second = running.enter_context(ChildProgram(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert second.stdout is not None
        assert second.stdout.readline() == "another ingest of video v is running; waiting for it\n"
        first.communicate("\n")
        assert second.communicate("\n")[0] == "in\n"
    with video_lock(tmp_path, "v", said.append):
        assert said == []
