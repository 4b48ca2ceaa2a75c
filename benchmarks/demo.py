"""Overhead of the ingest DAG over its stages run by hand, with a breakdown: `newsreel bench demo`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clip import find_clip
from benchmarks.fresh_home import FreshHome
from benchmarks.hand import (
    BEAM_STAGES,
    HandStage,
    measure_beam_start_s,
    measure_jvm_start_s,
    prepared_environment,
    run_stages,
)
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count
from benchmarks.overhead import Gaps, Overhead, Starts, compute_gaps, compute_overhead
from benchmarks.report import Figure, Report, Say
from benchmarks.run_times import read_recorded_stages, read_run_times, wait_for_latest_run
from schemas.errors import StageError

LIMIT_S, TARGET_S = 45.0, 20.0


@dataclass(frozen=True)
class DagRun:
    """One ingest by the DAG: its overhead and the waiting times around it, in seconds."""

    overhead: Overhead
    stack_up_s: float
    command_s: float
    refresh_s: float
    refresh_run_s: float
    gaps: dict[str, Gaps]


@dataclass(frozen=True)
class HandRun:
    """The stages run by hand, and the start-up times of the engines."""

    plain: dict[str, HandStage]
    clocked: dict[str, HandStage]
    starts: Starts

    @property
    def wall_s(self) -> float:
        """Wall time of all stage programs in sequence."""
        return sum(stage.wall_s for stage in self.plain.values())


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench. Raises StageError if a run fails."""
    options = Options("demo", "Overhead of the ingest DAG over its stages run by hand.")
    options.add_argument("--file", type=Path, help="video to ingest (default: the demo clip)")
    options.add_argument("--repeat", type=count, default=1, help="runs; the median is reported (default: 1)")
    options.add_argument("--no-total", action="store_true", help="skip the run of the whole `newsreel demo`")
    given = options.parse_args(list(arguments))
    file = (given.file or find_clip()).absolute()
    found = read_conditions(file=file.name, repeat=given.repeat)
    pairs = []
    for number in range(1, given.repeat + 1):
        say(f"run {number} of {given.repeat}: stages by hand")
        hand = _run_by_hand(file)
        say(f"run {number} of {given.repeat}: DAG")
        pairs.append((_run_by_dag(file, hand), hand))
    total_s = None
    if not given.no_total:
        say("the whole `newsreel demo`")
        total_s = _time_demo()
    return build_report(pairs, total_s, found)


def build_report(
    pairs: Sequence[tuple[DagRun, HandRun]], total_s: float | None, found: dict[str, object]
) -> Report:
    """Report of the run with the median overhead (the lower of two), with the spread of all runs."""
    overheads = sorted(pair[0].overhead.total_s for pair in pairs)
    middle = statistics.median_low(overheads)
    dag, hand = next(pair for pair in pairs if pair[0].overhead.total_s == middle)
    figures = [
        Figure("overhead of the DAG", middle, "s", limit=LIMIT_S, target=TARGET_S),
        Figure("work of the stages", dag.overhead.work_s, "s"),
        Figure("from the run's end to the rows in the tables", dag.refresh_s, "s"),
        Figure("the refresh_tables run of it", dag.refresh_run_s, "s"),
        Figure("JVM and session, where `match` has something to compare", hand.starts.jvm_s, "s"),
        Figure("`newsreel ingest` as typed", dag.command_s, "s"),
        Figure("`newsreel up` in a fresh HOME", dag.stack_up_s, "s"),
        Figure("`newsreel demo` in a fresh HOME", total_s, "s"),
    ]
    if len(pairs) > 1:
        figures.append(Figure("overhead, least and most apart", overheads[-1] - overheads[0], "s"))
    for stage, gap in dag.gaps.items():
        figures += [
            Figure(f"{stage} in the DAG: wait for its task", gap.waited_s, "s"),
            Figure(f"{stage} in the DAG: task to record", gap.before_s, "s"),
            Figure(f"{stage} in the DAG: record to task's end", gap.after_s, "s"),
        ]
    for stage, by_hand in hand.plain.items():
        figures += [
            Figure(f"{stage} by hand: start-up", by_hand.start_up_s, "s"),
            Figure(f"{stage} by hand: record", by_hand.recorded_s, "s"),
        ]
    return Report(
        name="demo",
        ours=dag.overhead.wall_s,
        peer=hand.wall_s,
        peer_name="the same stage programs, one after the other by hand",
        unit="s",
        figures=figures,
        breakdown=dag.overhead.parts,
        conditions=found,
    )


def _run_by_hand(file: Path) -> HandRun:
    plain, clocked = run_stages(file), run_stages(file, clocked=True)
    with prepared_environment(file) as (environment, folder):
        starts = Starts(
            statistics.median(measure_jvm_start_s(environment, folder) for _ in range(3)),
            statistics.median(measure_beam_start_s(environment, folder) for _ in range(3)),
        )
    return HandRun(plain, clocked, starts)


def _run_by_dag(file: Path, hand: HandRun) -> DagRun:
    with FreshHome() as house:
        up_s = house.start_stack()
        ran = house.run_command("ingest", file, "--title", file.stem)
        if ran.status:
            raise StageError(f"newsreel ingest exited with {ran.status}: {ran.answer}")
        run_id = ran.answer["run_id"]
        times = read_run_times(house.airflow_database_url, "ingest_video", run_id)
        refresh = wait_for_latest_run(house.airflow_database_url, "refresh_tables")
        recorded = read_recorded_stages(house.lake, run_id)
    cost = compute_overhead(
        times,
        recorded,
        hand.plain,
        hand.clocked,
        hand.starts,
        jvms=0,  # there is nothing to compare a first video with
        beams=len(BEAM_STAGES),
    )
    refresh_s = ran.ended - times.whole.ended.timestamp()
    return DagRun(cost, up_s, ran.wall_s, refresh_s, refresh.whole.seconds, compute_gaps(times, recorded))


def _time_demo() -> float:
    with FreshHome() as house:
        ran = house.run_command("demo")
        if ran.status:
            raise StageError(f"newsreel demo exited with {ran.status}: {ran.answer}")
        return ran.wall_s
