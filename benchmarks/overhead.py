"""Overhead of the DAG over the work of its stages, broken down: arithmetic on times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.hand import HandStage
from benchmarks.run_times import RunTimes, Span

BETWEEN = "Airflow: between tasks"
AROUND = "Airflow: around a task's program"
JVM = "JVM and Spark session"
BEAM_IMPORT = "Beam: import"
BEAM_START = "Beam: start of a pipeline"
QUALITY_IMPORT = "Great Expectations: import"
SPARK_IMPORT = "PySpark: import"
REST = "Python, other imports, exit"
ENGINES = {"apache_beam": BEAM_IMPORT, "great_expectations": QUALITY_IMPORT, "pyspark": SPARK_IMPORT}


@dataclass(frozen=True)
class Starts:
    """Start-up times of the engines in seconds, measured separately; each counts once per stage that starts one."""

    jvm_s: float
    beam_s: float


@dataclass(frozen=True)
class Overhead:
    """Seconds by part; `total_s` is their sum, which equals the run's wall time minus its work."""

    wall_s: float
    work_s: float
    parts: Mapping[str, float]

    @property
    def total_s(self) -> float:
        """Total overhead."""
        return self.wall_s - self.work_s


def compute_overhead(
    run: RunTimes,
    recorded: Mapping[str, Span],
    plain: Mapping[str, HandStage],
    clocked: Mapping[str, HandStage],
    starts: Starts,
    *,
    jvms: int,
    beams: int,
) -> Overhead:
    """Break down one run of the DAG.

    `recorded`: its stages' own records. `plain` and `clocked`: the same stages by hand, without and with timed imports.
    The work is what the stages record, minus engines imported or started in that time; `jvms`, `beams`: number of
    stages that start one. A part may be slightly negative if the run by hand was slower than the DAG's.
    """
    stages = set(run.tasks) & set(recorded)
    in_tasks_s = sum(run.tasks[stage].seconds for stage in stages)
    recorded_s = sum(recorded[stage].seconds for stage in stages)
    start_up_s = sum(plain[stage].start_up_s for stage in stages)
    imports = [found for stage in stages for found in clocked[stage].imports]
    by_engine = {
        part: sum(found.seconds for found in imports if found.package == package)
        for package, part in ENGINES.items()
    }
    before_work_s = sum(found.seconds for found in imports if found.package in ENGINES and not found.in_work)
    in_work_s = sum(found.seconds for found in imports if found.package in ENGINES and found.in_work)
    jvm_s, beam_s = jvms * starts.jvm_s, beams * starts.beam_s
    parts = {
        BETWEEN: run.whole.seconds - in_tasks_s,
        AROUND: in_tasks_s - recorded_s - start_up_s,
        JVM: jvm_s,
        BEAM_START: beam_s,
        **by_engine,
        REST: start_up_s - before_work_s,
    }
    return Overhead(run.whole.seconds, recorded_s - in_work_s - beam_s - jvm_s, parts)


@dataclass(frozen=True)
class Gaps:
    """Gaps of one task in seconds: before its process starts, before its stage's record begins, after that ends."""

    waited_s: float
    before_s: float
    after_s: float


def compute_gaps(run: RunTimes, recorded: Mapping[str, Span]) -> dict[str, Gaps]:
    """Gaps by stage, in order; the wait counts from the end of the previous task, or from when the run was queued."""
    gaps, free = {}, run.whole.started
    for stage, task in sorted(run.tasks.items(), key=lambda item: item[1].started):
        if stage in recorded:
            record = recorded[stage]
            gaps[stage] = Gaps(
                (task.started - free).total_seconds(),
                (record.started - task.started).total_seconds(),
                (task.ended - record.ended).total_seconds(),
            )
            free = task.ended
    return gaps
