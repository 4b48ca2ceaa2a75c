"""Recovery from kills: the end state must equal that of an undisturbed run, with no work done twice and no orphans.

Each kill point is an ingest of the project's clip in a HOME of its own. A victim is killed with SIGKILL: a stage's
program, Airflow's process of the task, the command, a part of the stack, PostgreSQL, or everything at once as in a
power failure. Then the runbook is followed (`newsreel up` if the stack is gone, the same `newsreel ingest` again), and
the end state is compared, row by row and file by file, with that of an undisturbed run.
Tests: tests/e2e/test_kills.py.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from benchmarks.clip import find_clip
from benchmarks.fresh_home import FreshHome
from benchmarks.json_lines import read_json_lines
from benchmarks.kill_point import KillPoint, draw_kill_point, find_victims, reach
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count
from benchmarks.processes import list_processes
from benchmarks.report import Figure, Report, Say
from schemas.errors import NewsreelError, StageError
from schemas.tables import TABLES

RECORDS_OF_RUNS = frozenset({"pipeline_runs", "quality_results", "events"})
"""Tables that record runs and intermediate states: these differ as intended."""
CHANGES_WITH_TIME = frozenset({"created", "at", "event_id", "transaction_id", "last_event_id"})
MAX_TRIES = 4
"""Runs of the command after a kill before the point counts as failed."""
ENDED_WITHIN_S = 60.0
COMMAND_TIMEOUT_S = 1800.0
WORKERS = 2


@dataclass(frozen=True)
class EndState:
    """End state of a HOME: digests of the rows by table, records of runs excluded, and the published files."""

    tables: dict[str, str]
    files: list[str]

    def list_differences(self, other: EndState) -> list[str]:
        """Tables and files in which the two states differ."""
        found = [f"rows of {name}" for name, digest in self.tables.items() if other.tables[name] != digest]
        return found + [f"file {name}" for name in sorted(set(self.files) ^ set(other.files))]


@dataclass(frozen=True)
class Outcome:
    """Result of one point: `problems` is empty if it passed; `hit`: whether the victim was still running."""

    point: KillPoint
    hit: bool
    redone: int
    in_flight: int
    orphans: int
    problems: list[str]
    took_s: float


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run `newsreel bench kills`: seeded points in sequence; `--resume FILE` continues an interrupted bench."""
    options = Options("kills", __doc__.splitlines()[0])
    options.add_argument("--points", type=count, default=100, help="number of kills (default: 100)")
    options.add_argument("--seed", type=int, default=1, help="seed of the kill points (default: 1)")
    options.add_argument(
        "--resume", type=Path, help="file of outcomes, one JSON line per kill, to read and append to"
    )
    given = options.parse_args(arguments)
    found = read_conditions(points=given.points, seed=given.seed)
    kept = read_outcomes(given.resume)
    undisturbed = cache(lambda: run_undisturbed(say))
    for number in range(given.points):
        point = draw_kill_point(number, given.seed)
        if (point.number, point.seed) in kept:
            continue
        outcome = run_point(point, undisturbed)
        kept[point.number, point.seed] = outcome
        say(f"{point}: {'; '.join(outcome.problems) or 'as if undisturbed'} ({outcome.took_s:.0f} s)")
        if given.resume:
            with given.resume.open("a") as log:
                log.write(json.dumps(asdict(outcome)) + "\n")
    return build_report([kept[number, given.seed] for number in range(given.points)], found)


def build_report(outcomes: Sequence[Outcome], found: dict[str, Any]) -> Report:
    """Report on all points."""
    same = sum(not outcome.problems for outcome in outcomes)
    return Report(
        name="kills",
        ours=same,
        peer=len(outcomes),
        peer_name="undisturbed runs",
        unit="identical end states",
        figures=(
            Figure("points with another end state", len(outcomes) - same, "points", limit=0),
            Figure(
                "kept chunk x rung done again, most",
                _find_maximum(o.redone for o in outcomes),
                "chunks",
                limit=0,
            ),
            Figure(
                "chunk x rung lost in flight, most",
                _find_maximum(o.in_flight for o in outcomes),
                "chunks",
                limit=WORKERS,
            ),
            Figure("orphans", sum(outcome.orphans for outcome in outcomes), "processes", limit=0),
            Figure("victims that had ended before", sum(not o.hit for o in outcomes), "points"),
        ),
        conditions=found,
    )


def read_outcomes(path: Path | None) -> dict[tuple[int, int], Outcome]:
    """Saved outcomes by number and seed."""
    outcomes = {}
    for written in read_json_lines(path):
        outcome = Outcome(**{**written, "point": KillPoint(**written["point"])})
        outcomes[outcome.point.number, outcome.point.seed] = outcome
    return outcomes


def run_undisturbed(say: Say) -> EndState:
    """End state of a run without a kill. Raises StageError if the video does not become ready."""
    say("an undisturbed run")
    with FreshHome() as house:
        done = house.run_command("ingest", find_clip(), "--title", "Clip")
        if done.status:
            raise StageError(f"the undisturbed run failed: {done.answer}")
        return read_end_state(house)


def run_point(point: KillPoint, undisturbed: Callable[[], EndState]) -> Outcome:
    """Run one point in a HOME of its own; `undisturbed` is called only after the recovery."""
    begun = time.monotonic()
    problems: list[str] = []
    hit, kept_before, in_flight, orphans = False, dict[str, int](), 0, 0
    with FreshHome() as house:
        try:
            if point.stack:
                house.start_stack()
            command = house.start_command("ingest", find_clip(), "--title", "Clip")
            reach(point, house)
            found = find_victims(point, house, psutil.Process(command.pid))
            hit, in_flight = bool(found), _count_encodes(house) if point.stage == "encode" else 0
            below = (
                _list_descendants(found)
                if point.victim in ("engine", "task", "command", "everything")
                else []
            )
            for process in found:
                _kill(process)
            orphans = len(_wait_for_survivors(below))
            kept_before = _read_kept_inodes(house)
            _recover(point, house, command)
            problems += read_end_state(house).list_differences(undisturbed())
            problems += _find_leftovers(house)
        except (NewsreelError, subprocess.TimeoutExpired) as error:
            problems.append(f"{type(error).__name__}: {error}")
        now = _read_kept_inodes(house)
        redone = sum(now.get(name) != inode for name, inode in kept_before.items())
        house.stop_stack()
        orphans += len(
            [process for process in _wait_for_survivors(list_processes(house)) if _is_ours(process)]
        )
    if orphans:
        problems.append(f"{orphans} orphan processes")
    return Outcome(point, hit, redone, in_flight, orphans, problems, round(time.monotonic() - begun, 1))


def read_end_state(house: FreshHome) -> EndState:
    """Current state of the HOME."""
    tables = {}
    for name in TABLES:
        if name not in RECORDS_OF_RUNS:
            rows = [
                {column: value for column, value in row.items() if column not in CHANGES_WITH_TIME}
                for row in house.lake.read(name).to_pylist()
            ]
            tables[name] = hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    published = (house.media.root / folder for folder in ("packages", "thumbnails", "sources"))
    files = [
        str(path.relative_to(house.media.root))
        for folder in published
        for path in folder.rglob("*")
        if path.is_file()
    ]
    return EndState(tables, sorted(files))


def _recover(point: KillPoint, house: FreshHome, command: subprocess.Popen[str]) -> None:
    """Follow the runbook until the video is ready. Raises StageError if it does not become ready."""
    if point.stack and point.victim == "everything":
        house.start_stack()
    output = command.communicate(timeout=COMMAND_TIMEOUT_S)
    for _ in range(MAX_TRIES):
        if command.returncode == 0:
            return
        command = house.start_command("ingest", find_clip(), "--title", "Clip")
        output = command.communicate(timeout=COMMAND_TIMEOUT_S)
    if command.returncode:
        raise StageError(
            f"the command still exits with {command.returncode} after {MAX_TRIES} more runs: "
            f"{output[0]} {output[1][-600:]}"
        )


def _find_leftovers(house: FreshHome) -> list[str]:
    states = {row["state"] for row in house.lake.read("pipeline_runs", columns=["state"]).to_pylist()}
    staging = house.media.root / "staging"
    left = [f"staging folder {path.name}" for path in staging.iterdir()] if staging.exists() else []
    return left + (["an attempt still recorded as running"] if "running" in states else [])


def _read_kept_inodes(house: FreshHome) -> dict[str, int]:
    """Inodes of the cached results of chunk x rung and of sound: a result that is encoded again has another one."""
    return {path.name: path.stat().st_ino for path in (house.media.root / "kept").rglob("*.mp4")}


def _count_encodes(house: FreshHome) -> int:
    """Number of chunk x rung being encoded right now; one program may encode several."""
    found = 0
    for process in list_processes(house):
        try:
            found += process.cmdline().count("-force_key_frames") if "ffmpeg" in process.name() else 0
        except psutil.Error:
            continue
    return found


def _list_descendants(found: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The processes and their descendants, without servers that outlive them on purpose."""
    below: dict[int, psutil.Process] = {}
    for process in found:
        try:
            below |= {one.pid: one for one in [process, *process.children(recursive=True)]}
        except psutil.Error:
            continue
    return [process for process in below.values() if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    """Whether the process must end with its parent: not PostgreSQL or Redis, which the next command reuses or stops."""
    try:
        return process.name() not in ("postgres", "redis-server")
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _wait_for_survivors(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Processes that still run after ENDED_WITHIN_S. Polled: the exit status of a child belongs to its Popen."""
    deadline = time.monotonic() + ENDED_WITHIN_S
    while (alive := [process for process in processes if _is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _find_maximum(values: Iterable[int]) -> int:
    return max(values, default=0)
