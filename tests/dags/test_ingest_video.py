"""Paths through ingest_video, on real child processes, with `dag.test()`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.dags.stand_ins import StandIns

ACCEPT = {"inspect_video": {"next": ["match"]}, "match_video": {"next": ["encode"]}}
REJECT = {"inspect_video": {"next": ["reject"]}}
DUPLICATE = {"inspect_video": {"next": ["match"]}, "match_video": {"next": ["reject"]}}
BROKEN = {"exit": 3}
PLANS: dict[str, dict[str, Any]] = {
    "accept": ACCEPT,
    "reject": REJECT,
    "duplicate": DUPLICATE,
    "inspect broken": {"inspect_video": BROKEN},
    "match broken": {**ACCEPT, "match_video": BROKEN},
    "encode broken": {**ACCEPT, "encode_video": BROKEN},
    "publish broken": {**ACCEPT, "publish": BROKEN},
    "reject broken": {**REJECT, "reject": BROKEN},
    "fail broken": {"inspect_video": BROKEN, "fail": BROKEN},
    "killed": {**ACCEPT, "encode_video": {"kill_on_attempt": 1, "child": True}},
    "slow": {**ACCEPT, "encode_video": {"sleep_s": 600, "child": True}},
}
STAGES = ("inspect", "match", "encode", "publish", "reject", "fail")


@pytest.fixture(scope="module")
def results(
    airflow_environment: dict[str, str], stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("results") / "results.json"
    log = file.with_suffix(".log")
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("ingest_paths.py")), str(file)],
            check=False, env=airflow_environment, input=json.dumps(PLANS).encode(), stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    assert done.returncode == 0, log.read_text()[-4000:]
    found: dict[str, Any] = json.loads(file.read_text())
    return found


SKIPPED, DONE, BROKE, UPSTREAM = "skipped", "success", "failed", "upstream_failed"


@pytest.mark.parametrize(
    ("plan", "run", "states"),
    [
        ("accept", DONE, (DONE, DONE, DONE, DONE, SKIPPED, SKIPPED)),
        ("reject", DONE, (DONE, SKIPPED, SKIPPED, SKIPPED, DONE, SKIPPED)),
        ("duplicate", DONE, (DONE, DONE, SKIPPED, SKIPPED, DONE, SKIPPED)),
        ("inspect broken", BROKE, (BROKE, UPSTREAM, UPSTREAM, UPSTREAM, UPSTREAM, BROKE)),
        ("match broken", BROKE, (DONE, BROKE, UPSTREAM, UPSTREAM, UPSTREAM, BROKE)),
        ("encode broken", BROKE, (DONE, DONE, BROKE, UPSTREAM, SKIPPED, BROKE)),
        ("publish broken", BROKE, (DONE, DONE, DONE, BROKE, SKIPPED, BROKE)),
        ("reject broken", BROKE, (DONE, SKIPPED, SKIPPED, SKIPPED, BROKE, BROKE)),
        ("fail broken", BROKE, (BROKE, UPSTREAM, UPSTREAM, UPSTREAM, UPSTREAM, BROKE)),
        ("killed", DONE, (DONE, DONE, DONE, DONE, SKIPPED, SKIPPED)),
        ("slow", BROKE, (DONE, DONE, BROKE, UPSTREAM, SKIPPED, BROKE)),
    ],
)
def test_the_road_that_a_video_takes(results: dict[str, Any], plan: str, run: str, states: tuple[str, ...]):
    found = results[plan]
    assert {stage: found["tasks"][stage][0] for stage in STAGES} == dict(zip(STAGES, states, strict=True))
    assert found["run"] == run


def test_a_program_is_told_video_run_attempt_and_where_its_outcome_goes(results: dict[str, Any]):
    calls = results["accept"]["calls"]
    assert [call["program"] for call in calls] == ["inspect_video", "match_video", "encode_video", "publish"]
    for call in calls:
        assert call["video_id"] == "a-video"
        assert call["run_id"] == results["accept"]["run_id"]
        assert call["attempt"] == "1"
        assert not Path(call["outcome"]).parent.exists(), "outcome files are read and removed"


def test_beam_stages_are_given_the_runner_and_others_are_not(results: dict[str, Any]):
    options = {call["program"]: call["options"] for call in results["accept"]["calls"]}
    assert options == {
        "inspect_video": ["--runner=DirectRunner"],
        "match_video": [],
        "encode_video": ["--runner=DirectRunner"],
        "publish": [],
    }


def test_no_program_sees_the_keys_of_airflow(results: dict[str, Any]):
    assert all(call["leaked"] == [] for found in results.values() for call in found["calls"])


def test_the_xcom_is_counts_and_names(results: dict[str, Any]):
    assert results["accept"]["xcom"] == {"rows": 3, "detail": "inspect_video"}


def test_a_killed_engine_is_run_again_with_the_next_attempt(results: dict[str, Any]):
    attempts = [call["attempt"] for call in results["killed"]["calls"] if call["program"] == "encode_video"]
    assert attempts == ["1", "2"]
    assert results["killed"]["tasks"]["encode"] == ["success", 2]


def test_the_fail_task_runs_its_program_once_and_is_not_retried(results: dict[str, Any]):
    for plan in ("inspect broken", "match broken", "encode broken", "publish broken", "reject broken"):
        calls = [call for call in results[plan]["calls"] if call["program"] == "fail"]
        assert len(calls) == 1
        assert results[plan]["tasks"]["fail"] == ["failed", 1]


def test_nothing_that_a_program_started_is_left(results: dict[str, Any]):
    pids = {
        pid
        for found in results.values()
        for call in found["calls"]
        for pid in (call["pid"], call["child"])
        if pid
    }
    left = [
        pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]
    assert left == []
