"""Eight processes whose clocks are a minute apart, on one key of one Redis: how much more is admitted than may be.

Each is a program of its own (`python -m benchmarks.ratelimit.hammer`) whose clock libfaketime shifts. They ask as fast
as they can, with nothing kept in memory: first one after the other, each with a later clock, then all at once. What may
be admitted is reckoned from the server's clock alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.ratelimit.held_clock import build_shifted_environment
from benchmarks.ratelimit.oracle import ORACLES
from benchmarks.ratelimit.peers import LIMITS
from benchmarks.ratelimit.redis_server import RedisServer, redis_server
from benchmarks.report import Figure, Say
from schemas.errors import StageError

PROCESSES = 8
APART_S = 60

UNITS = 1000

PERIODS_S = range(40, APART_S)
"""Windows to choose from: all shorter than the clocks are apart, so that each process is in a window of its own."""

MAX_TRIES = 3
"""If a window ends meanwhile, and twice as many may be admitted, it is tried again."""

REFILLED = ("token_bucket", "leaking_bucket")
"""What may be admitted there grows with time."""

Process = subprocess.Popen[str]

END_S = 10.0
"""In which a process ends that has nothing more to do, or is killed."""

OFF_S = 5.0
"""By how much a process's clock may miss its shift: its answer takes a while to come."""


@dataclass(frozen=True)
class SkewResult:
    """What came of one limiter. `admissible`: what may be admitted in the time that passed on the server."""

    who: str
    kind: str
    admitted: int
    asked: int
    admissible: int

    @property
    def over(self) -> int:
        """What was admitted beyond that."""
        return max(0, self.admitted - self.admissible)


def measure(seconds: float, say: Say) -> list[SkewResult]:
    """All five, then those of `limits`: so many seconds in turn, as many at once.

    Raises DependencyError without libfaketime.
    """
    found = []
    with redis_server() as server, _processes(server.url) as processes:
        for who, kinds in (("ours", ORACLES), ("limits", LIMITS)):
            for kind in kinds:
                found.append(_measure_limiter(server, processes, who, kind, seconds))
                one = found[-1]
                say(
                    f"clocks {APART_S} s apart: {who}, {kind}: {one.admitted} admitted of {one.asked}, "
                    f"{one.admissible} may be"
                )
    return found


def build_figures(found: list[SkewResult]) -> list[Figure]:
    """What was admitted beyond what may be: of ours a limit, of `limits` to compare."""
    told = []
    for one in found:
        name = f"{PROCESSES} processes, clocks {APART_S} s apart, {one.kind}"
        if one.who == "ours":
            told.append(Figure(f"{name}: over-admission", one.over, "units", limit=0))
            told.append(Figure(f"{name}: admitted of what may be", one.admitted / one.admissible, "x"))
        else:
            told.append(Figure(f"{name}: over-admission by {one.who}", one.over, "units"))
    return told


@contextlib.contextmanager
def _processes(url: str) -> Iterator[list[Process]]:
    """Those that ask, each with its clock. Raises StageError where a clock is not shifted."""
    with contextlib.ExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            command = [sys.executable, "-m", "benchmarks.ratelimit.hammer", url]
            # The modules of this process, wherever it has them from.
            environment = {
                **os.environ,
                **build_shifted_environment(number * APART_S),
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.callback(_stop, process)
            processes.append(process)
        for process in processes:  # until all have started
            _send(process, {"clock": True})
            _receive(process)
        for number, process in enumerate(processes):
            _send(process, {"clock": True})
            shift_s = _receive(process)["clock_s"] - time.time()
            if abs(shift_s - number * APART_S) > OFF_S:
                raise StageError(
                    f"the clock of process {number} is {shift_s:.1f} s ahead, not {number * APART_S}"
                )
        yield processes


def _measure_limiter(
    server: RedisServer, processes: list[Process], who: str, kind: str, seconds: float
) -> SkewResult:
    for _ in range(MAX_TRIES):
        server.client.flushall()
        period_s = _choose_period_s(server.now_us() / 10**6)
        begun_us = server.now_us()
        told = {"who": who, "kind": kind, "units": UNITS, "period_s": period_s}
        answers = []
        for process in processes:
            _send(process, {**told, "seconds": seconds / PROCESSES})
            answers.append(_receive(process))
        for process in processes:
            _send(process, {**told, "seconds": seconds})
        answers += [_receive(process) for process in processes]
        ended_us = server.now_us()
        if begun_us // 10**6 // period_s == ended_us // 10**6 // period_s:
            refilled = (ended_us - begun_us) * UNITS // (period_s * 10**6) if kind in REFILLED else 0
            admitted, asked = (sum(answer[what] for answer in answers) for what in ("allowed", "asked"))
            return SkewResult(who, kind, admitted, asked, UNITS + refilled)
    raise StageError(
        f"{PROCESSES} processes do not answer within a window of {period_s} s: take fewer seconds"
    )


def _choose_period_s(now_s: float) -> int:
    """The window of which most is left."""
    return max(PERIODS_S, key=lambda period_s: period_s - now_s % period_s)


def _stop(process: Process) -> None:
    """Without more to read it ends by itself: killed, it would leave libfaketime's shared memory behind."""
    with process:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        process.kill()


def _send(process: Process, what: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _receive(process: Process) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise StageError(f"a process that asks ended with {process.wait()}")
    return json.loads(line)
