"""Part `apart`: over-admission by eight processes whose clocks are a minute apart, on one key of one Redis.

Each is a program of its own (`python -m benchmarks.ratelimit.hammer`) whose clock libfaketime shifts. They send
requests as fast as they can, without a cache in memory: first in sequence, each with a later clock, then concurrently.
The admissible number is computed from the server's clock alone.
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
"""Window lengths to choose from: all shorter than the clock skew, so that each process is in a window of its own."""

MAX_TRIES = 3
"""Attempts: one during which a window ends, so that twice as many requests are admissible, is repeated."""

REFILLED = ("token_bucket", "leaking_bucket")
"""Algorithms whose admissible number grows with time."""

Process = subprocess.Popen[str]

END_S = 10.0
"""Time in which an idle process must exit before it is killed."""

OFF_S = 5.0
"""Tolerance of a process's clock shift, which includes the latency of its answer."""


@dataclass(frozen=True)
class SkewResult:
    """Result of one limiter. `admissible`: units that may be admitted in the time that passed on the server."""

    who: str
    kind: str
    admitted: int
    requests: int
    admissible: int

    @property
    def over(self) -> int:
        """Units admitted beyond the admissible ones."""
        return max(0, self.admitted - self.admissible)


def measure(seconds: float, say: Say) -> list[SkewResult]:
    """Measure our five limiters and those of `limits`, for `seconds` in sequence and `seconds` concurrently.

    Raises DependencyError without libfaketime.
    """
    results = []
    with redis_server() as server, _processes(server.url) as processes:
        for who, kinds in (("ours", ORACLES), ("limits", LIMITS)):
            for kind in kinds:
                one = _measure_limiter(server, processes, who, kind, seconds)
                results.append(one)
                say(
                    f"clocks {APART_S} s apart: {who}, {kind}: {one.admitted} of {one.requests} admitted, "
                    f"{one.admissible} admissible"
                )
    return results


def build_figures(results: list[SkewResult]) -> list[Figure]:
    """Over-admission: with a limit for ours, for comparison of `limits`."""
    figures = []
    for one in results:
        name = f"{PROCESSES} processes, clocks {APART_S} s apart, {one.kind}"
        if one.who == "ours":
            figures.append(Figure(f"{name}: over-admission", one.over, "units", limit=0))
            figures.append(Figure(f"{name}: admitted of what may be", one.admitted / one.admissible, "x"))
        else:
            figures.append(Figure(f"{name}: over-admission by {one.who}", one.over, "units"))
    return figures


@contextlib.contextmanager
def _processes(url: str) -> Iterator[list[Process]]:
    """The client processes, each with its own clock. Raises StageError if a clock is not shifted."""
    with contextlib.ExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            command = [sys.executable, "-m", "benchmarks.ratelimit.hammer", url]
            # The same module search path as this process.
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
        for process in processes:  # wait until all have started
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
        task = {"who": who, "kind": kind, "units": UNITS, "period_s": period_s}
        answers = []
        for process in processes:
            _send(process, {**task, "seconds": seconds / PROCESSES})
            answers.append(_receive(process))
        for process in processes:
            _send(process, {**task, "seconds": seconds})
        answers += [_receive(process) for process in processes]
        ended_us = server.now_us()
        if begun_us // 10**6 // period_s == ended_us // 10**6 // period_s:
            refilled = (ended_us - begun_us) * UNITS // (period_s * 10**6) if kind in REFILLED else 0
            admitted, requests = (sum(answer[key] for answer in answers) for key in ("allowed", "requests"))
            return SkewResult(who, kind, admitted, requests, UNITS + refilled)
    raise StageError(
        f"{PROCESSES} processes did not finish within a window of {period_s} s: reduce --seconds"
    )


def _choose_period_s(now_s: float) -> int:
    """The window length with the most time left in the current window."""
    return max(PERIODS_S, key=lambda period_s: period_s - now_s % period_s)


def _stop(process: Process) -> None:
    """Close the input, at whose end the process exits: if killed, it would leave libfaketime's shared memory behind."""
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
        raise StageError(f"a client process exited with {process.wait()}")
    return json.loads(line)
