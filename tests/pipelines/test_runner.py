"""Beam runner: elements run in parallel, results keep their order, a failed element is named and loses no other."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.runner import IN_PROCESS, Stage, build_pipeline_options, run_stage
from schemas.errors import MediaToolError
from schemas.settings import settings

pytestmark = pytest.mark.usefixtures("home")


class Doubled(Stage):
    """Gives twice the number."""

    def work(self, element: int) -> int:
        return 2 * element


class Napping(Stage):
    """Sleeps, and says on which thread and when."""

    def work(self, element: int) -> tuple[int, float, float]:
        started = time.monotonic()
        time.sleep(0.3)
        return threading.get_ident(), started, time.monotonic()


class Choosy(Stage):
    """Refuses odd numbers."""

    def work(self, element: int) -> int:
        if element % 2:
            raise MediaToolError(f"{element} is odd")
        Path(settings().home / str(element)).touch()
        return element


def test_results_come_back_in_order() -> None:
    assert run_stage(Doubled, range(20), label="double", workers=3) == [2 * number for number in range(20)]


def test_no_elements_are_no_work() -> None:
    assert run_stage(Doubled, [], label="double") == []


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_as_many_elements_run_at_once_as_there_are_workers(workers: int) -> None:
    naps = run_stage(Napping, range(8), label="nap", workers=workers)
    assert len({thread for thread, _, _ in naps}) == workers
    at_once = max(sum(start <= moment < end for _, start, end in naps) for _, moment, _ in naps)
    assert at_once == workers


def test_a_failed_element_is_named_and_the_others_are_done(home: Path) -> None:
    home.mkdir()
    with pytest.raises(MediaToolError, match=r"choose: 2 of 4 pieces failed: 1: 1 is odd; 3: 3 is odd"):
        run_stage(Choosy, range(4), label="choose", workers=2)
    assert {path.name for path in home.iterdir()} == {"0", "2", "media"}


def test_progress_counts_every_element() -> None:
    calls: list[tuple[Any, ...]] = []
    run_stage(Doubled, range(5), label="double", workers=2, on_progress=lambda *call: calls.append(call))
    assert calls == [(done, 5, "double") for done in range(6)]


def test_the_runner_is_named_and_never_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    options, runner = build_pipeline_options(3, ["--runner=DirectRunner"])
    assert runner == IN_PROCESS
    assert options.get_all_options()["direct_num_workers"] == 3
    monkeypatch.setenv("NEWSREEL_BEAM_RUNNER", "PortableRunner")
    monkeypatch.setenv("NEWSREEL_BEAM_OPTIONS", "--job_endpoint=localhost:8073 --environment_type=LOOPBACK")
    settings.cache_clear()
    options, runner = build_pipeline_options(3)
    assert runner == "PortableRunner"
    assert options.get_all_options()["job_endpoint"] == "localhost:8073"


def test_beam_says_nothing() -> None:
    script = (
        "from pipelines.inspection.inspection import inspect_file; from pathlib import Path;"
        "print(inspect_file(Path('newsreel/clip/big_buck_bunny.mp4'), workers=2)['verdict'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("accept\n", "")
