"""Throughput of many short videos queued at once, against the same videos ingested one by one on another stack.

Tests: tests/benchmarks/test_ingest.py.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.footage import Footage, make_footage
from benchmarks.fresh_home import FreshHome
from benchmarks.machine import GIB, read_conditions
from benchmarks.processes import watched_memory
from benchmarks.report import Figure, Report, Say
from benchmarks.run_times import RunTimes, read_run_times
from schemas.errors import StageError

SHORTEST_S, LONGEST_S = 10, 20
RATIO_LIMIT = 1.0
"""Videos queued at once must not take longer than one by one."""


@dataclass(frozen=True)
class Batch:
    """All runs of one stack; `wall_s`: from the start of the first command to the end of the last."""

    runs: tuple[RunTimes, ...]
    wall_s: float
    peak_bytes: int

    @property
    def each_s(self) -> list[float]:
        """Duration of each run, from queued to ended."""
        return [run.whole.seconds for run in self.runs]

    @property
    def span_s(self) -> float:
        """From the first run queued to the last one ended."""
        first = min(run.whole.started for run in self.runs)
        return (max(run.whole.ended for run in self.runs) - first).total_seconds()


def measure(videos: int, seed: int, say: Say) -> Report:
    """Run the bench with `videos` videos. Raises StageError if one does not end as ready."""
    drawn = random.Random(seed)  # noqa: S311 - lengths of footage
    found = read_conditions(
        queued=videos, seed=seed, picture="1280x720, 24 fps, H.264 and AAC, 10 to 20 s each"
    )
    films = [
        Footage(drawn.randint(SHORTEST_S, LONGEST_S), 1_000 * (seed + 1) + number) for number in range(videos)
    ]
    files = [make_footage(film, say) for film in films]
    say(f"{videos} videos one by one")
    single = _run_one_by_one(files, say)
    say(f"{videos} videos at once")
    return build_report(single, _run_at_once(files, say), found)


def build_report(single: Batch, together: Batch, found: dict[str, object]) -> Report:
    """Report on the time at once against the sum one by one, by Airflow's times of the runs."""
    sum_s, waits = sum(single.each_s), sorted(together.each_s)
    videos = len(single.runs)
    return Report(
        name="ingest",
        ours=together.span_s,
        peer=sum_s,
        peer_name=f"the same {videos} videos one by one",
        unit="s",
        figures=[
            Figure("at once over one by one, runs", together.span_s / sum_s, "x", limit=RATIO_LIMIT),
            Figure("at once over one by one, commands as typed", together.wall_s / single.wall_s, "x"),
            Figure("throughput at once", 60 * videos / together.span_s, "videos/min"),
            Figure("throughput one by one", 60 * videos / sum_s, "videos/min"),
            Figure("first of them ended after", waits[0], "s"),
            Figure("last of them ended after", waits[-1], "s"),
            Figure("peak memory of the stack and its commands", together.peak_bytes / GIB, "GiB"),
        ],
        conditions=found,
    )


def _run_one_by_one(files: Sequence[Path], say: Say) -> Batch:
    with FreshHome() as house:
        house.start_stack()
        begun = time.monotonic()
        run_ids = []
        with watched_memory(house) as memory:
            for number, file in enumerate(files, start=1):
                ran = house.run_command("ingest", file, "--title", file.stem)
                run_ids.append(_parse_run_id(file, ran.status, ran.answer))
                say(f"{number} of {len(files)}")
        wall_s = time.monotonic() - begun
        return Batch(_read_times(house, run_ids), wall_s, memory.peak_bytes)


def _run_at_once(files: Sequence[Path], say: Say) -> Batch:
    with FreshHome() as house:
        house.start_stack()
        begun = time.monotonic()
        with watched_memory(house) as memory, ThreadPoolExecutor(len(files)) as pool:
            commands = [house.start_command("ingest", file, "--title", file.stem) for file in files]
            run_ids = []
            for number, answer in enumerate(pool.map(_wait_for_run_id, files, commands), start=1):
                run_ids.append(answer)
                say(f"{number} of {len(files)}")
        wall_s = time.monotonic() - begun
        return Batch(_read_times(house, run_ids), wall_s, memory.peak_bytes)


def _wait_for_run_id(file: Path, command: subprocess.Popen[str]) -> str:
    answer, errors = command.communicate()
    return _parse_run_id(file, command.returncode, json.loads(answer) if answer.strip() else errors[-600:])


def _parse_run_id(file: Path, status: int, answer: object) -> str:
    if status or not isinstance(answer, dict):
        raise StageError(f"newsreel ingest {file.name} exited with {status}: {answer}")
    return str(answer["run_id"])


def _read_times(house: FreshHome, run_ids: Sequence[str]) -> tuple[RunTimes, ...]:
    return tuple(read_run_times(house.airflow_database_url, "ingest_video", run_id) for run_id in run_ids)
