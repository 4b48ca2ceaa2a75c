"""Stage attempts: recorded from the start, marked lost after a kill, killed with their parent."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import StageError
from stores.delta import Lake
from stores.stage import StageArguments, stage_arguments, stage_attempt
from tests.processes import ChildProgram, is_gone, wait_until

pytestmark = pytest.mark.usefixtures("database_url")


def test_an_attempt_leaves_its_record_and_its_outcome(tables: Lake, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome.json"
    arguments = stage_arguments(
        ["--run-id", "r", "--video-id", "v", "--attempt", "2", "--outcome", str(outcome), "--runner=X"]
    )
    assert arguments.rest == ["--runner=X"]
    with stage_attempt("inspect", arguments) as attempt:
        assert tables.read("pipeline_runs").column("state").to_pylist() == ["running"]
        attempt.rows, attempt.next, attempt.detail = 7, ["match"], "accept"
    assert json.loads(outcome.read_text()) == {"next": ["match"], "rows": 7, "detail": "accept"}
    [row] = tables.read("pipeline_runs").to_pylist()
    assert (row["stage"], row["attempt"], row["state"], row["rows"], row["video_id"]) == (
        "inspect", 2, "succeeded", 7, "v",
    )  # fmt: skip
    assert row["duration_s"] >= 0
    assert row["ended"] >= row["started"]


def test_an_error_is_one_line_one_row_and_exit_1(tables: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, stage_attempt("encode", stage_arguments(["--run-id", "r"])):
        raise StageError("chunk 3 has\n7 frames of 8")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: chunk 3 has 7 frames of 8\n"
    [row] = tables.read("pipeline_runs").to_pylist()
    assert (row["state"], row["detail"]) == ("failed", "chunk 3 has 7 frames of 8")


@pytest.mark.parametrize("next_run", ["r", "another"])
def test_a_killed_attempt_is_marked_lost_by_the_next(tables: Lake, next_run: str) -> None:
    program = (
        "import os, signal; from stores.stage import *\n"
        "with stage_attempt('encode', stage_arguments(['--run-id', 'r'])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=600).returncode == -9
    arguments = stage_arguments(["--run-id", next_run, "--attempt", "2"])
    with stage_attempt("encode", arguments, opens=True):
        pass
    assert sorted(tables.read("pipeline_runs").column("state").to_pylist()) == ["lost", "succeeded"]


def test_an_attempt_that_was_overtaken_writes_no_more(
    tables: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    def attempt(number: int) -> StageArguments:
        return stage_arguments(["--run-id", "v-1", "--video-id", "v", "--attempt", str(number)])

    def overtaken() -> None:
        with stage_attempt("encode", attempt(1)):
            with stage_attempt("encode", attempt(2)):
                pass
            tables.replace("renditions", scope={"video_id": "v"}, rows=[])

    with pytest.raises(SystemExit):
        overtaken()
    assert "was overtaken by run v-1, encode 2; nothing more is written" in capsys.readouterr().err
    states = {row["attempt"]: row["state"] for row in tables.read("pipeline_runs").to_pylist()}
    assert states == {1: "lost", 2: "succeeded"}


@pytest.mark.usefixtures("tables")
def test_a_full_disk_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), stage_attempt("encode", stage_arguments(["--run-id", "r"])):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/media/kept")
    assert capsys.readouterr().err == (
        "error: /media/kept: No space left on device; free some space, then try again: finished work is kept\n"
    )


@pytest.mark.usefixtures("tables")
def test_a_stage_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    stage = (
        "import os, pathlib, sys, time; from stores.stage import *\n"
        "with stage_attempt('encode', stage_arguments(['--run-id', 'r'])):\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
    )
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    with ChildProgram([sys.executable, "-c", parent, stage, str(pid_file)]) as started:
        assert wait_until(lambda: pid_file.exists() and bool(pid_file.read_text()))
        child = int(pid_file.read_text())
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert wait_until(lambda: is_gone(child))
