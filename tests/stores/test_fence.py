"""Fences: of two attempts on one video the newer one writes, and the older one fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from schemas.errors import ConflictError
from stores.fence import Claim, Fence, acquire, check_fence, fenced, find_holder, guarded, revoke
from stores.postgres import connect
from tests.processes import ChildProgram

pytestmark = pytest.mark.usefixtures("database_url")

SCOPE = "video/v"
Take = Callable[[Claim], Fence]


@pytest.fixture
def taking() -> Iterator[Take]:
    """`acquire`, whose sessions end with the test."""
    with ExitStack() as held:

        def acquire_for_test(claim: Claim) -> Fence:
            fence = acquire(claim)
            held.callback(fence.close)
            return fence

        yield acquire_for_test


def claim(run: str, stage: str, attempt: int = 1, *, opens: bool = False) -> Claim:
    return Claim(SCOPE, run, stage, attempt, opens)


def test_the_stages_of_a_run_take_the_fence_one_after_the_other() -> None:
    for stage in ("inspect", "match", "encode"):
        with fenced(claim("v-1", stage, opens=stage == "inspect")), guarded():
            pass


def test_an_older_attempt_is_refused_once_a_newer_one_has_begun(taking: Take) -> None:
    older = taking(claim("v-1", "encode", 1))
    newer = taking(claim("v-1", "encode", 2))
    with pytest.raises(ConflictError, match="overtaken by run v-1, encode 2"), older.held():
        pass
    with newer.held():
        pass


def test_an_attempt_that_starts_late_does_not_take_it_back(taking: Take) -> None:
    taking(claim("v-1", "encode", 2))
    with pytest.raises(ConflictError, match=r"overtaken by .*encode 2"):
        taking(claim("v-1", "encode", 1))


@pytest.mark.parametrize("later", ["v-2", "manual__2026-11-25T01:00:00+00:00"])
def test_a_later_run_takes_the_video_with_its_first_stage_and_the_earlier_one_stops(
    taking: Take, later: str
) -> None:
    earlier = taking(claim("v-1", "encode"))
    taking(claim(later, "inspect", opens=True))
    with pytest.raises(ConflictError), earlier.held():
        pass
    with pytest.raises(ConflictError, match="newsreel retry"):
        taking(claim("v-1", "publish"))


def test_an_earlier_run_does_not_begin_again_after_a_later_one(taking: Take) -> None:
    taking(claim("v-2", "inspect", opens=True))
    with pytest.raises(ConflictError):
        taking(claim("v-1", "inspect", 2, opens=True))


def refresh(run: str, waits_s: float) -> Claim:
    return Claim("refresh", run, "refresh", 1, opens=True, waits_s=waits_s)


def test_who_has_to_wait_for_another_run_takes_it_when_that_has_ended(taking: Take) -> None:
    order = []

    def second() -> None:
        with fenced(refresh("second", 30)):
            order.append("second")

    with fenced(refresh("first", 30)):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_who_waits_too_long_is_told(taking: Take) -> None:
    taking(refresh("first", 30))
    with pytest.raises(ConflictError, match=r"still active after 0\.2 s"):
        taking(refresh("second", 0.2))


def test_a_change_of_a_live_row_is_fenced_in_its_own_transaction() -> None:
    with fenced(claim("v-1", "publish")):
        with connect() as connection:
            check_fence(connection)
        with connect() as connection:
            revoke(connection, SCOPE, "cancelled")
        with pytest.raises(ConflictError), connect() as connection:
            check_fence(connection)


def test_who_takes_it_waits_for_a_commit_that_is_under_way(taking: Take) -> None:
    program = (
        "import sys, time; from stores.fence import *\n"
        "with acquire(Claim('video/v', 'v-1', 'encode', 1)).held(): print('in', flush=True); time.sleep(1)"
    )
    with ChildProgram([sys.executable, "-c", program], stdout=subprocess.PIPE) as committing:
        assert committing.stdout is not None
        assert committing.stdout.readline() == "in\n"
        begun = time.monotonic()
        taking(claim("v-1", "encode", 2))
        assert time.monotonic() - begun > 0.5
        committing.wait()


def test_a_process_that_is_stopped_in_a_commit_loses_it(
    taking: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.fence.LONGEST_COMMIT_S", 1)
    program = (
        "import sys, time; from stores.fence import *\n"
        "fence = acquire(Claim('video/v', 'v-1', 'encode', 1))\n"
        "with fence.held(): print('in', flush=True); sys.stdin.readline()\n"
        "with fence.held(): print('written after all')"
    )
    with ChildProgram(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == "in\n"
        stopped.send_signal(signal.SIGSTOP)
        newer = taking(claim("v-1", "encode", 2))
        with newer.held():
            pass
        stopped.send_signal(signal.SIGCONT)
        out, err = stopped.communicate("go on\n", timeout=600)
    assert out == ""
    assert "overtaken" in err
    with newer.held():
        pass


def test_the_holder_is_known_while_its_process_lives() -> None:
    program = (
        "import os, signal; from stores.fence import *\n"
        "fence = acquire(Claim('video/v', 'v-1', 'encode', 1)); print('in', flush=True); signal.pause()"
    )
    with ChildProgram([sys.executable, "-c", program], stdout=subprocess.PIPE) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "in\n"
        with connect() as connection:
            assert find_holder(connection, SCOPE) == claim("v-1", "encode")
        os.kill(holding.pid, signal.SIGKILL)
        holding.wait()
    deadline = time.monotonic() + 120
    with connect() as connection:
        while find_holder(connection, SCOPE) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert find_holder(connection, SCOPE) is None


def test_a_fence_outlives_the_session_it_was_taken_in() -> None:
    with fenced(claim("v-1", "encode")):
        with connect() as connection:
            connection.execute("SELECT pg_terminate_backend(backend, 5000) FROM fences")
        with guarded():
            pass
        with connect() as connection:
            assert find_holder(connection, SCOPE) == claim("v-1", "encode")
