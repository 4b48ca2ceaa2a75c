"""Spark by URL: an ingest on a cluster of two workers that run the wheel gives the same rows as on local Spark.

Not in the default run: two JVMs an ingest, four more for the cluster. `make cluster-test`; docs/cluster.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.spark.cluster import build_wheel, running_cluster
from pipelines.media_tools import program
from tests.e2e.house import make_house
from tests.processes import ChildProgram, is_gone, wait_until

pytestmark = pytest.mark.timeout(3600)

WORKERS = 2
WHERE = """
import json, os, time
import pyarrow as pa
from jobs.spark.session import spark_session

def where(batches):
    import jobs, schemas
    time.sleep(2)
    for _ in batches:
        found = {"jobs": jobs.__file__, "schemas": schemas.__file__, "folder": os.getcwd()}
        yield pa.RecordBatch.from_pylist([found])

rows = spark_session("where").range(4, numPartitions=4).mapInArrow(where, "jobs string, schemas string, folder string")
print(json.dumps([row.asDict() for row in rows.collect()]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def cluster(wheel: Path) -> Iterator[dict[str, str]]:
    with running_cluster(WORKERS, wheel) as environment:
        yield environment


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> list[Path]:
    """Two seconds of the clip, downscaled, and one second of these, so that `match` has candidates."""
    folder = tmp_path_factory.mktemp("videos")
    whole, part = folder / "whole.mp4", folder / "part.mp4"
    cheap = ("-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-an", "-y")
    small = ("-vf", "scale=320:180")
    for source, made, span in ((clip, whole, ("3", "4")), (whole, part, ("1", "2"))):
        cut = ("-ss", span[0], "-t", span[1], "-i", str(source))
        subprocess.run([program("ffmpeg"), "-v", "error", *cut, *small, *cheap, str(made)], check=True)
    return [whole, part]


def ingest_all(folder: Path, videos: list[Path], spark: Mapping[str, str]) -> dict[str, Any]:
    """Ingest the videos in a new HOME; returns its tables."""
    with make_house(folder) as house:
        # All refreshes go by Spark.
        ours = house.override_settings({"NEWSREEL_REFRESH_SMALL_EVENTS": "0", **spark})
        for video in videos:
            assert ours.json("ingest", video, "--title", video.stem)["status"] == "ready"
        return ours.timeless_tables()


def test_executors_run_the_wheel_and_every_worker_takes_tasks(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHERE],
        env={**os.environ, "NEWSREEL_HOME": str(tmp_path), **cluster}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert all("newsreel.zip" in row["jobs"] and "newsreel.zip" in row["schemas"] for row in found)
    assert len({Path(row["folder"]).parents[1].name for row in found}) == WORKERS


def test_the_same_ingest_gives_the_same_rows(
    cluster: dict[str, str], videos: list[Path], tmp_path: Path
) -> None:
    here = ingest_all(tmp_path / "here", videos, {"NEWSREEL_SPARK_MASTER": "local[*]"})
    there = ingest_all(tmp_path / "there", videos, cluster)
    assert there == here
    assert [row["kind"] for row in here["matches"]] == ["part"]
    assert {row["status"] for row in here["videos"]} == {"ready"}


def test_the_cluster_dies_with_its_launcher_and_its_command(wheel: Path, tmp_path: Path) -> None:
    idle = "import time; print('here', flush=True); time.sleep(600)"
    command = [sys.executable, "-m", "jobs.spark.cluster", "--wheel", str(wheel), "--workers", "1", "--"]
    with ChildProgram(
        [*command, sys.executable, "-c", idle], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline() == "here\n"
        started = psutil.Process(launcher.pid).children(recursive=True)
        assert sum("java" in process.name() for process in started) == 2
        launcher.kill()
        assert wait_until(lambda: all(is_gone(process.pid) for process in started))


def test_a_command_s_exit_status_is_the_launcher_s(wheel: Path) -> None:
    command = [sys.executable, "-m", "jobs.spark.cluster", "--wheel", str(wheel), "--workers", "1", "--"]
    assert (
        subprocess.run([*command, "sh", "-c", "exit 7"], check=False, stderr=subprocess.DEVNULL).returncode
        == 7
    )
