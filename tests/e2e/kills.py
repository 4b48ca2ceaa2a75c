"""Killed in the middle, typed again: the end state of an undisturbed run, and no process left behind.

Two victims (the task's process, its engine) in two stages (`encode`, `publish`), each in a HOME of its own; what an
undisturbed run leaves is made once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import House, make_house, wait_for

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


@pytest.mark.parametrize("stage", ["encode", "publish"])
@pytest.mark.parametrize("victim", ["task", "engine"])
def test_a_kill_changes_nothing_in_the_end(
    undisturbed: House, fresh: House, clip: Path, stage: str, victim: str
) -> None:
    command = ("ingest", clip, "--title", "Clip")
    running = fresh.start(*command, "--json")
    engine = fresh.process_of(STAGE_PROGRAMS[stage])
    if stage == "encode":
        wait_for(lambda: _ffmpeg_below(engine), "ffmpeg at work")
        time.sleep(1)
    below = [engine, *engine.children(recursive=True)]
    killed = fresh.process_of("once_child") if victim == "task" else engine
    killed.kill()

    _, gone_late = psutil.wait_procs(below, timeout=5)
    assert [process for process in gone_late if _alive(process)] == []
    running.communicate(timeout=500)
    if victim == "task":
        assert running.returncode == 3
        assert fresh.processes() == []
        assert [
            name for name in fresh.media_files() if name.startswith("packages/")
        ] == [] or stage == "publish"
        assert fresh.json("ingest", clip, "--title", "Clip")["status"] == "ready"
    else:
        assert running.returncode == 0

    assert fresh.json("ingest", clip, "--title", "Clip")["status"] == "ready"
    assert timeless(fresh.tables()) == timeless(undisturbed.tables())
    assert published(fresh) == published(undisturbed)
    assert [name for name in fresh.media_files() if name.startswith("staging/")] == []
    assert fresh.processes() == []
    states = {row["state"] for row in fresh.lake.read("pipeline_runs", columns=["state"]).to_pylist()}
    assert "running" not in states


def _ffmpeg_below(engine: psutil.Process) -> psutil.Process | None:
    return next((process for process in engine.children(recursive=True) if "ffmpeg" in process.name()), None)


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
