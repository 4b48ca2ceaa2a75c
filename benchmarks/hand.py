"""Stage programs of the ingest DAG, run in sequence without Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import import_clock
from benchmarks.fresh_home import FreshHome
from benchmarks.run_times import Span, read_recorded_stages
from schemas.errors import DependencyError, StageError

BEAM_STAGES = {"inspect": "pipelines.inspect_video", "encode": "pipelines.encode_video"}
SPARK_STAGES = {"match": "jobs.match_video"}
PROGRAMS = {"publish": "pipelines.publish"}
ORDER = ("inspect", "match", "encode", "publish")
RUN_ID = "by-hand"


@dataclass(frozen=True)
class Import:
    """Import of one engine in a stage: its duration, and whether the stage recorded it as its work."""

    package: str
    seconds: float
    in_work: bool


@dataclass(frozen=True)
class HandStage:
    """One stage program: wall time of its process, the time recorded by the stage, its imports."""

    wall_s: float
    recorded_s: float
    imports: tuple[Import, ...] = ()

    @property
    def start_up_s(self) -> float:
        """Time of the process outside of its record."""
        return self.wall_s - self.recorded_s


def run_stages(file: Path, *, clocked: bool = False) -> dict[str, HandStage]:
    """Run the stage programs in a HOME of their own; `clocked` times their imports, which costs a little.

    Raises StageError if one fails.
    """
    with FreshHome() as house, _prepared(house, file) as prepared:
        environment = {**house.environment, **prepared["environment"]}
        walls, logs = {}, {}
        for stage in ORDER:
            logs[stage] = house.folder / f"{stage}.imports"
            command = build_stage_command(stage, logs[stage] if clocked else None)
            walls[stage] = _time_command(
                [*command, *_build_stage_arguments(stage, prepared["video_id"], house.folder)],
                environment,
                house.folder,
            )
        recorded = read_recorded_stages(house.lake, RUN_ID)
        # The logs are removed with the HOME.
        return {
            stage: HandStage(
                walls[stage], recorded[stage].seconds, _read_imports(logs[stage], recorded[stage])
            )
            for stage in ORDER
        }


def measure_jvm_start_s(environment: Mapping[str, str], folder: Path) -> float:
    """Wall time of a program that only creates a Spark session, minus that of the same program without one."""
    program = "from jobs.spark.session import spark_session"
    session = [sys.executable, "-c", f"{program}; spark_session('nothing')"]
    return _time_command(session, environment, folder) - _time_command(
        [sys.executable, "-c", program], environment, folder
    )


def measure_beam_start_s(environment: Mapping[str, str], folder: Path) -> float:
    """Wall time of a Beam stage without work, in a process that has already imported Beam."""
    command = [sys.executable, "-m", "benchmarks.beam_start"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode:
        raise StageError(f"an empty Beam stage failed: {done.stderr.strip()[-400:]}")
    return float(done.stdout.split()[-1])


@contextmanager
def prepared_environment(file: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """Environment of stage programs in a HOME of their own, and a working folder."""
    with FreshHome() as house, _prepared(house, file) as prepared:
        yield {**house.environment, **prepared["environment"]}, house.folder


@contextmanager
def _prepared(house: FreshHome, file: Path) -> Iterator[dict[str, Any]]:
    """Register the file and keep PostgreSQL running; yields the document that `newsreel.stage_shell` prints."""
    command = [sys.executable, "-m", "newsreel.stage_shell", str(file.absolute()), "--title", file.stem]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=house.environment,
        cwd=house.folder,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        line = holder.stdout.readline()
        if not line:
            raise DependencyError(f"`{' '.join(command[1:])}` did not start: see its error above")
        document: dict[str, Any] = json.loads(line)
        house.database_url = document["environment"]["NEWSREEL_DATABASE_URL"]
        yield document


def build_stage_command(stage: str, log: Path | None) -> list[str]:
    """Command line as in dags/operators; with a `log` the stage runs under `benchmarks.import_clock`."""
    module = {**BEAM_STAGES, **SPARK_STAGES, **PROGRAMS}[stage]
    return [sys.executable, *([str(import_clock.__file__), str(log), module] if log else ["-m", module])]


def _build_stage_arguments(stage: str, video_id: str, folder: Path) -> list[str]:
    outcome = folder / f"{stage}.json"
    arguments = ["--video-id", video_id, "--run-id", RUN_ID, "--attempt", "1", "--outcome", str(outcome)]
    return [*arguments, *(["--runner=DirectRunner"] if stage in BEAM_STAGES else [])]


def _time_command(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> float:
    begun = time.monotonic()
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=dict(environment), cwd=folder,
    )  # fmt: skip
    wall_s = time.monotonic() - begun
    if done.returncode:
        raise StageError(
            f"`{' '.join(command[:6])} …` exited with {done.returncode}: {done.stdout.strip()[-600:]}"
        )
    return wall_s


def _read_imports(log: Path, work: Span) -> tuple[Import, ...]:
    if not log.exists():
        return ()
    begun = work.started.timestamp()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return tuple(Import(entry["package"], entry["seconds"], entry["at"] >= begun) for entry in entries)
