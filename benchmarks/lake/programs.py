"""Programs that the bench measures, run as their DAGs run them: synthetic days, refreshes, rebuilds."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import StageError

OUTPUT_TAIL_CHARACTERS = 800
MILLION = 1_000_000
PEOPLE = {"users": 100_000, "videos": 10_000}
"""Users and videos of synthetic days with about a million events each."""


@dataclass(frozen=True)
class Cost:
    """Wall and CPU time of a program and its children, in seconds."""

    wall_s: float
    cpu_s: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def run_module(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], given: str = ""
) -> tuple[Cost, str]:
    """Run `python -m module` with `given` on stdin; returns its cost and output. Raises StageError if it fails."""
    begun, before = time.monotonic(), _read_children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, input=given, text=True, env=dict(environment),
        capture_output=True,
    )  # fmt: skip
    cost = Cost(time.monotonic() - begun, _read_children_cpu_s() - before)
    if done.returncode:
        tail = (done.stderr or done.stdout).strip()[-OUTPUT_TAIL_CHARACTERS:]
        raise StageError(f"python -m {module} {' '.join(arguments)} exited with {done.returncode}: {tail}")
    return cost, done.stdout


def refresh(environment: Mapping[str, str], run_id: str, *more: str) -> Cost:
    """Refresh the tables once."""
    return run_module("jobs.refresh_tables", ["--run-id", run_id, *more], environment)[0]


def split_days(events: int) -> list[int]:
    """Split `events` into days of a million events and the remainder."""
    whole, rest = divmod(events, MILLION)
    return [*([MILLION] * whole), *([rest] if rest else [])]


def write_synthetic_events(
    environment: Mapping[str, str], sizes: Sequence[int], skip: int, people: Mapping[str, int]
) -> None:
    """Append synthetic days of these sizes to the lake's `events`, without the first `skip`, which it already has."""
    options = [f"--{name}={value}" for name, value in people.items()]
    run_module(
        "newsreel.synthetic_events",
        [f"--sizes={','.join(map(str, sizes))}", f"--skip={skip}", *options],
        environment,
    )


def rebuild(
    engine: str, files: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[Cost, dict[str, Any]]:
    """Rebuild all live tables from all events with another engine; returns its cost without start-up, and the rows."""
    task = json.dumps({"files": list(files), "folder": str(folder)})
    _, output = run_module("benchmarks.lake.rebuild", [engine], environment, task)
    answer: dict[str, Any] = json.loads(output)
    return Cost(answer["wall_s"], answer["cpu_s"]), answer["rows"]


def _read_children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
