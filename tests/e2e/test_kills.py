"""Killed in the middle, and once more later on: the end state of an undisturbed run, and no process left behind.

Two victims (the task's engine, the task's process), each killed in `encode` and then in `publish` of the same video;
what an undisturbed run leaves is made once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.house import House, make_house, wait_for

pytestmark = pytest.mark.timeout(900)

STAGE_PROGRAMS = {"encode": "pipelines.encode_video", "publish": "pipelines.publish"}
CHANGES_WITH_TIME = {"created", "at", "event_id", "transaction_id", "last_event_id", "row"}
"""Columns that say when something was made, or how often it was tried; `row` is a whole event."""


def timeless(tables: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All rows without what must differ between two HOMEs; of events only which row reached which end."""
    return {
        name: sorted(
            (
                {column: value for column, value in row.items() if column not in CHANGES_WITH_TIME}
                for row in rows
            ),
            key=repr,
        )
        for name, rows in tables.items()
        if name != "events"
    }


def published(house: House) -> set[str]:
    """The files that people can be given: packages and thumbnails."""
    return {name for name in house.media_files() if name.startswith(("packages/", "thumbnails/"))}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[House]:
    """A HOME in which nothing was killed."""
    for house in make_house(tmp_path_factory.mktemp("undisturbed")):
        assert house.json("ingest", clip, "--title", "Clip")["status"] == "ready"
        yield house


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[House]:
    """A HOME for one kill."""
    yield from make_house(tmp_path)


def test_an_engine_that_is_killed_is_started_again_by_airflow(
    undisturbed: House, fresh: House, clip: Path
) -> None:
    running = fresh.start("ingest", clip, "--title", "Clip", "--json")
    for stage in STAGE_PROGRAMS:
        engine, below = _at_work(fresh, stage)
        engine.kill()
        assert _outlived(below) == []
    running.communicate(timeout=500)
    assert running.returncode == 0
    _is_as_if_undisturbed(fresh, undisturbed)


def test_a_command_whose_task_is_killed_is_typed_again(undisturbed: House, fresh: House, clip: Path) -> None:
    command = ("ingest", clip, "--title", "Clip")
    for stage in STAGE_PROGRAMS:
        running = fresh.start(*command, "--json")
        _, below = _at_work(fresh, stage)
        fresh.process_of("once_child").kill()
        assert _outlived(below) == []
        running.communicate(timeout=500)
        assert running.returncode == 3
        assert fresh.processes() == []
        if stage == "encode":
            assert published(fresh) == set()
    assert fresh.json(*command)["status"] == "ready"
    _is_as_if_undisturbed(fresh, undisturbed)


def _at_work(house: House, stage: str) -> tuple[psutil.Process, list[psutil.Process]]:
    """The stage's program once it is in the middle of its work, and all that lives by it, itself included."""
    engine = house.process_of(STAGE_PROGRAMS[stage])
    if stage == "encode":
        wait_for(lambda: _ffmpeg_below(engine), "ffmpeg at work")
        time.sleep(1)
    return engine, [engine, *engine.children(recursive=True)]


def _outlived(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, late = psutil.wait_procs(processes, timeout=5)
    return [process for process in late if _alive(process)]


def _is_as_if_undisturbed(house: House, undisturbed: House) -> None:
    assert timeless(house.tables()) == timeless(undisturbed.tables())
    assert published(house) == published(undisturbed)
    assert [name for name in house.media_files() if name.startswith("staging/")] == []
    assert house.processes() == []
    states = {row["state"] for row in house.lake.read("pipeline_runs", columns=["state"]).to_pylist()}
    assert "running" not in states


def _ffmpeg_below(engine: psutil.Process) -> psutil.Process | None:
    return next((process for process in engine.children(recursive=True) if "ffmpeg" in process.name()), None)


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
