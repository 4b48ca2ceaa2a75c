"""Killed anywhere, and what comes of it: the end state of an undisturbed run, nothing done twice, nothing left behind.

Each point is an ingest of the project's clip in a HOME of its own. Something is killed (SIGKILL: a stage's program,
Airflow's process of the task, the command, a part of the stack, PostgreSQL, everything at once as in a power cut); the
user then types what the runbook says (`newsreel up` if the stack is gone, the same `newsreel ingest` again). What the
next attempt ends with is compared, row by row and file by file, with a run that nobody disturbed.
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
"""What says what ran, and every state between: these differ, and should."""
CHANGES_WITH_TIME = frozenset({"created", "at", "event_id", "transaction_id", "last_event_id"})
MAX_TRIES = 4
"""How often the command is typed after a kill before the point counts as lost."""
ENDED_WITHIN_S = 15.0
WORKERS = 2


@dataclass(frozen=True)
class EndState:
    """Digests of what a HOME holds in the end: rows that are not records of runs, by table, and published files."""

    tables: dict[str, str]
    files: list[str]

    def list_differences(self, other: EndState) -> list[str]:
        """What is not the same."""
        found = [f"rows of {name}" for name, digest in self.tables.items() if other.tables[name] != digest]
        return found + [f"file {name}" for name in sorted(set(self.files) ^ set(other.files))]


@dataclass(frozen=True)
class Outcome:
    """What came of one point. `problems` is empty where all held; `hit`: whether the victim was there to kill."""

    point: KillPoint
    hit: bool
    redone: int
    in_flight: int
    orphans: int
    problems: list[str]
    took_s: float


def run(arguments: Sequence[str], say: Say) -> Report:
    """`newsreel bench kills`: seeded points, one after the other; with `--resume FILE` it goes on where it was."""
    options = Options("kills", __doc__.splitlines()[0])
    options.add_argument("--points", type=count, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--resume", type=Path, help="a file of outcomes, one JSON line a point; made if missing"
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
    """The figures of all points."""
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
    """Outcomes that were written down, by number and seed."""
    found = {}
    for written in read_json_lines(path):
        outcome = Outcome(**{**written, "point": KillPoint(**written["point"])})
        found[outcome.point.number, outcome.point.seed] = outcome
    return found


def run_undisturbed(say: Say) -> EndState:
    """What a run that nobody disturbs ends with. Raises StageError where that is not a ready video."""
    say("an undisturbed run")
    with FreshHome() as house:
        done = house.run_command("ingest", find_clip(), "--title", "Clip")
        if done.status:
            raise StageError(f"the undisturbed run did not end well: {done.answer}")
        return read_end_state(house)


def run_point(point: KillPoint, undisturbed: Callable[[], EndState]) -> Outcome:
    """Run one point in a HOME of its own; `undisturbed` is asked at the end."""
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
        problems.append(f"{orphans} processes outlived what they belonged to")
    return Outcome(point, hit, redone, in_flight, orphans, problems, round(time.monotonic() - begun, 1))


def read_end_state(house: FreshHome) -> EndState:
    """What the HOME holds now."""
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
    """Do as the runbook says until the video is ready. Raises StageError where it does not come to that."""
    if point.stack and point.victim == "everything":
        house.start_stack()
    said = command.communicate(timeout=600)
    for _ in range(MAX_TRIES):
        if command.returncode == 0:
            return
        command = house.start_command("ingest", find_clip(), "--title", "Clip")
        said = command.communicate(timeout=600)
    if command.returncode:
        raise StageError(
            f"typed {MAX_TRIES} times more it ends with {command.returncode}: {said[0]} {said[1][-600:]}"
        )


def _find_leftovers(house: FreshHome) -> list[str]:
    states = {row["state"] for row in house.lake.read("pipeline_runs", columns=["state"]).to_pylist()}
    staging = house.media.root / "staging"
    left = [f"staging folder {path.name}" for path in staging.iterdir()] if staging.exists() else []
    return left + (["an attempt that still reads as running"] if "running" in states else [])


def _read_kept_inodes(house: FreshHome) -> dict[str, int]:
    """Results of chunk x rung and of sound that are kept, with the inode that each has: made again, it is another."""
    return {path.name: path.stat().st_ino for path in (house.media.root / "kept").rglob("*.mp4")}


def _count_encodes(house: FreshHome) -> int:
    """Chunk x rung that programs are encoding right now: one program may make several."""
    found = 0
    for process in list_processes(house):
        try:
            found += process.cmdline().count("-force_key_frames") if "ffmpeg" in process.name() else 0
        except psutil.Error:
            continue
    return found


def _list_descendants(found: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The processes and all that they have started; servers that stand on their own apart."""
    below: dict[int, psutil.Process] = {}
    for process in found:
        try:
            below |= {one.pid: one for one in [process, *process.children(recursive=True)]}
        except psutil.Error:
            continue
    return [process for process in below.values() if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    """Whether it is no server that outlives its holders on purpose: the next command takes it over or ends it."""
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
    """Those that still live after a while. Looked at, not waited for: the exit status of a child is its Popen's."""
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
