"""Child process: the program dies with the task, with all that it started, whichever process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from dags.operators.child import Child, list_living_members
from tests.processes import ChildProgram, is_gone, wait_until

WITH_A_CHILD = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); "
TASK = """
import os, sys
from dags.operators.child import Child
Child([sys.executable, "-c", sys.argv[1]], dict(os.environ), lambda line: print(line, flush=True)).run()
"""


def run_program(program: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    status = Child([sys.executable, "-c", program], dict(os.environ), lines.append).run()
    return status, lines


def test_its_output_comes_line_by_line_and_its_status_is_returned():
    program = (
        "import sys; print('one'); print('two', file=sys.stderr); sys.stdout.write('three'); sys.exit(7)"
    )
    status, lines = run_program(program)
    assert status == 7
    assert sorted(lines) == ["one", "three", "two"]


def test_a_line_comes_while_the_program_still_runs():
    heard = threading.Event()
    child = Child(
        [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"],
        dict(os.environ),
        lambda line: heard.set(),
    )

    def kill_when_heard() -> None:
        heard.wait()
        child.kill()

    threading.Thread(target=kill_when_heard, daemon=True).start()
    assert child.run() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        (r"b'10%\r50%\r100%\n'", ["100%"]),
        (r"b'\n  \nx\r\n'", ["x"]),
        (r"b'caf\xe9\n'", ["caf\ufffd"]),
        (r"b'x' * 200_000 + b'\nend'", ["x" * 200_000, "end"]),
        (r"b''", []),
    ],
)
def test_progress_bars_odd_bytes_and_long_lines(written: str, heard: list[str]):
    assert run_program(f"import sys; sys.stdout.buffer.write({written})") == (0, heard)


def test_a_program_that_is_killed_is_reported_and_takes_its_children_along():
    status, lines = run_program(WITH_A_CHILD + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert status == -signal.SIGKILL
    assert is_gone(int(lines[0]))


def test_a_program_that_ends_leaves_no_child_behind():
    status, lines = run_program(WITH_A_CHILD)
    assert status == 0
    assert is_gone(int(lines[0]))


def test_sigkill_of_the_task_takes_the_program_and_its_children_along(project: Path):
    program = WITH_A_CHILD + "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with ChildProgram([sys.executable, "-c", TASK, program], cwd=project, stdout=subprocess.PIPE) as task:
        assert task.stdout
        pids = [int(task.stdout.readline()), int(task.stdout.readline())]
        assert not any(is_gone(pid) for pid in pids)
        task.kill()
        assert wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_sigkill_of_the_leash_takes_the_program_along():
    status, _ = run_program("import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")
    assert status == -signal.SIGKILL


def test_sigkill_of_the_one_above_the_task_takes_both_along(project: Path):
    code = "import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(600)"
    above = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    with ChildProgram(
        [sys.executable, "-c", above, TASK, code], cwd=project, stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout
        leash, program = map(int, supervisor.stdout.readline().split())
        task = psutil.Process(leash).ppid()
        supervisor.kill()
        assert wait_until(lambda: is_gone(task) and is_gone(leash) and is_gone(program))


def test_kill_in_a_signal_handler_ends_the_group_and_lets_run_return():
    started: list[int] = []

    def handle(_number: int, _frame: object) -> None:
        child.kill()
        assert list_living_members(started[0]) == []

    def interrupt(line: str) -> None:
        started.append(os.getpgid(int(line)))
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        child = Child(
            [sys.executable, "-c", WITH_A_CHILD + "import time; time.sleep(600)"], dict(os.environ), interrupt
        )
        assert child.run() == -signal.SIGKILL
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def project() -> Path:
    return Path(__file__).parents[2]
