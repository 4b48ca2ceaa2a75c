"""What the DAG adds to the work of its stages, and where it goes: arithmetic on times alone."""

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
    """What engines take to start, in seconds, each measured apart: once a stage that has one."""

    jvm_s: float
    beam_s: float


@dataclass(frozen=True)
class Overhead:
    """Seconds by part; `total_s` is their sum, and the run's wall less the work."""

    wall_s: float
    work_s: float
    parts: Mapping[str, float]

    @property
    def total_s(self) -> float:
        """All of it."""
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
    """Take one run of the DAG apart.

    `recorded`: its stages' own records. `plain` and `clocked`: the same stages by hand, without and with timed imports.
    The work is what the stages record, less engines that they import or start meanwhile; `jvms`, `beams`: how many
    started one. A part may be slightly below zero where the hand's run was slower than the DAG's.
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
    """Around one task, in seconds: until its process starts, until its stage's record begins, after that one's end."""

    waited_s: float
    before_s: float
    after_s: float


def compute_gaps(run: RunTimes, recorded: Mapping[str, Span]) -> dict[str, Gaps]:
    """By stage, in order; the wait is counted from the end of the task before, or from when the run was queued."""
    found, free = {}, run.whole.started
    for stage, task in sorted(run.tasks.items(), key=lambda item: item[1].started):
        if stage in recorded:
            record = recorded[stage]
            found[stage] = Gaps(
                (task.started - free).total_seconds(),
                (record.started - task.started).total_seconds(),
                (task.ended - record.ended).total_seconds(),
            )
            free = task.ended
    return found
