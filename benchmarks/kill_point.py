"""Kill point: stage of the DAG, victim, time into the stage; and the victims, found the way an operator finds them.

Tests: tests/e2e/test_kills.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from benchmarks.fresh_home import FreshHome
from benchmarks.processes import list_processes
from schemas.errors import StageError

STAGES = {
    "inspect": ("pipelines.inspect_video", 2.0),
    "match": ("jobs.match_video", 1.0),
    "encode": ("pipelines.encode_video", 12.0),
    "publish": ("pipelines.publish", 5.0),
    "refresh": ("jobs.refresh_tables", 5.0),
}
"""Program of each stage, and about how many seconds it takes for the clip: points are spread over all of it."""

VICTIMS_WITH_STACK = ("engine", "task", "scheduler", "api-server", "sink", "postgresql", "everything")
VICTIMS_WITHOUT = ("engine", "task", "command", "postgresql", "everything")
REACHED_WITHIN_S = 900.0
_POLL_S = 0.02


@dataclass(frozen=True)
class KillPoint:
    """One kill, determined by `number` and `seed`; `after_s` counts from the start of the stage's program."""

    number: int
    seed: int
    stack: bool
    stage: str
    victim: str
    after_s: float

    def as_dict(self) -> dict[str, Any]:
        """Convert to a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        where = "with a stack" if self.stack else "without a stack"
        return f"point {self.number}: {self.victim} in {self.stage} after {self.after_s:.2f} s, {where}"


def draw_kill_point(number: int, seed: int) -> KillPoint:
    """Draw a point of a seeded run: stages in turn, so that the first points cover all of them; the rest at random."""
    drawn = random.Random(f"{seed}/{number}")  # noqa: S311 - not a secret, and has to repeat
    stage = list(STAGES)[number % len(STAGES)]
    stack = drawn.random() < 0.5
    victim = drawn.choice(VICTIMS_WITH_STACK if stack else VICTIMS_WITHOUT)
    return KillPoint(number, seed, stack, stage, victim, round(drawn.uniform(0, STAGES[stage][1]), 2))


def reach(point: KillPoint, house: FreshHome) -> None:
    """Wait until the stage's program runs, and then as long as the point says. Raises StageError."""
    program = STAGES[point.stage][0]
    deadline = time.monotonic() + REACHED_WITHIN_S
    while not list(find_running(house, program)):
        if time.monotonic() > deadline:
            raise StageError(f"{point}: {program} did not start within {REACHED_WITHIN_S:.0f} s")
        time.sleep(_POLL_S)
    time.sleep(point.after_s)


def find_victims(point: KillPoint, house: FreshHome, command: psutil.Process) -> list[psutil.Process]:
    """Find the processes to kill; none where the point's victim has ended already."""
    if point.victim == "everything":
        return list_processes(house)
    if point.victim == "postgresql":
        server = house.find_postgres()
        return [server] if server else []
    if point.victim == "command":
        return [command]
    if point.victim == "engine":
        return list(find_running(house, STAGES[point.stage][0]))[:1]
    if point.victim == "task":
        return _find_task(house, STAGES[point.stage][0])
    modules = {"scheduler": "airflow_scheduler", "api-server": "api-server", "sink": "streaming.consumers"}
    return list(find_running(house, modules[point.victim]))[:1]


def find_running(house: FreshHome, module: str) -> Iterator[psutil.Process]:
    """Find the living Python processes of a HOME whose command line names the module, oldest first, without leashes."""
    found = []
    for process in list_processes(house):
        try:
            line = process.cmdline()
            if any(module in word for word in line) and "python" in process.name():
                found.append((process.create_time(), process.pid, process))
        except psutil.Error:
            continue
    yield from (process for _, _, process in sorted(found))


def _find_task(house: FreshHome, program: str) -> list[psutil.Process]:
    """Find Airflow's process that waits for the stage's program: the nearest ancestor that does not run it."""
    for engine in find_running(house, program):
        for above in engine.parents():
            if not any(program in word for word in above.cmdline()):
                return [above]
    return []
