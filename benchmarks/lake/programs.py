"""The programs that are measured, run as their DAGs run them: synthetic days, refreshes, rebuilds by others."""

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
"""Of synthetic days that have about a million events each."""


@dataclass(frozen=True)
class Cost:
    """What a program took, its children included."""

    wall_s: float
    cpu_s: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def run_module(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], given: str = ""
) -> tuple[Cost, str]:
    """Run `python -m module` to its end; what it took and printed. Raises StageError where it fails."""
    begun, before = time.monotonic(), _read_children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, input=given, text=True, env=dict(environment),
        capture_output=True,
    )  # fmt: skip
    cost = Cost(time.monotonic() - begun, _read_children_cpu_s() - before)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-OUTPUT_TAIL_CHARACTERS:]
        raise StageError(f"python -m {module} {' '.join(arguments)} ended with {done.returncode}: {said}")
    return cost, done.stdout


def refresh(environment: Mapping[str, str], run_id: str, *more: str) -> Cost:
    """One refresh of the tables."""
    return run_module("jobs.refresh_tables", ["--run-id", run_id, *more], environment)[0]


def split_days(events: int) -> list[int]:
    """So many events as sizes of days: millions, and what is left."""
    whole, rest = divmod(events, MILLION)
    return [*([MILLION] * whole), *([rest] if rest else [])]


def write_synthetic_events(
    environment: Mapping[str, str], sizes: Sequence[int], skip: int, people: Mapping[str, int]
) -> None:
    """Days of life into the lake's `events`: all of these sizes but the first so many, which it holds."""
    options = [f"--{name}={value}" for name, value in people.items()]
    run_module(
        "newsreel.synthetic_events",
        [f"--sizes={','.join(map(str, sizes))}", f"--skip={skip}", *options],
        environment,
    )


def rebuild(
    engine: str, files: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[Cost, dict[str, Any]]:
    """All live tables anew from all events, by another engine in one process; its cost beyond its start, and rows."""
    task = json.dumps({"files": list(files), "folder": str(folder)})
    _, said = run_module("benchmarks.lake.rebuild", [engine], environment, task)
    found: dict[str, Any] = json.loads(said)
    return Cost(found["wall_s"], found["cpu_s"]), found["rows"]


def _read_children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
