"""Overhead of the DAG: for any times its parts add up to the run's wall time minus the work."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import overhead as parts_of
from benchmarks.hand import HandStage, Import
from benchmarks.overhead import Gaps, Overhead, Starts, compute_gaps, compute_overhead
from benchmarks.run_times import RunTimes
from tests.benchmarks.times import span

PLAIN = {
    "inspect": HandStage(wall_s=5.0, recorded_s=2.0),
    "match": HandStage(wall_s=4.0, recorded_s=0.5),
    "publish": HandStage(wall_s=6.0, recorded_s=4.5),
}
CLOCKED = {
    "inspect": HandStage(
        5.5, 2.0, (Import("apache_beam", 1.5, in_work=False), Import("pyarrow", 0.2, in_work=False))
    ),
    "match": HandStage(4.5, 0.5, (Import("pyspark", 0.25, in_work=False),)),
    "publish": HandStage(6.5, 4.5, (Import("great_expectations", 3.0, in_work=True),)),
}
RUN = RunTimes(span(0, 30), {"inspect": span(1, 7), "match": span(9, 15), "publish": span(18, 26)})
RECORDED = {"inspect": span(4.5, 6.5), "match": span(13, 13.5), "publish": span(20, 24.5)}


def compute(jvm_s: float = 2.0, beam_s: float = 0.5) -> Overhead:
    starts = Starts(jvm_s, beam_s)
    return compute_overhead(RUN, RECORDED, PLAIN, CLOCKED, starts, jvms=1, beams=1)


def test_each_second_goes_where_it_belongs() -> None:
    assert compute().parts == pytest.approx(
        {
            parts_of.BETWEEN: 30 - (6 + 6 + 8),
            parts_of.AROUND: 20 - 7 - (3 + 3.5 + 1.5),
            parts_of.JVM: 2.0,
            parts_of.BEAM_IMPORT: 1.5,
            parts_of.BEAM_START: 0.5,
            parts_of.QUALITY_IMPORT: 3.0,
            parts_of.SPARK_IMPORT: 0.25,
            parts_of.REST: 8 - 1.75,
        }
    )


def test_an_engine_that_is_imported_within_the_work_is_no_work() -> None:
    assert compute().work_s == pytest.approx(7 - 3.0 - 0.5 - 2.0)


@settings(deadline=None)
@given(jvm_s=st.floats(0, 10), beam_s=st.floats(0, 5))
def test_the_parts_are_the_whole(jvm_s: float, beam_s: float) -> None:
    found = compute(jvm_s, beam_s)
    assert sum(found.parts.values()) == pytest.approx(found.total_s)
    assert found.total_s == pytest.approx(found.wall_s - found.work_s)


def test_tasks_that_were_skipped_count_for_nothing() -> None:
    skipped = RunTimes(RUN.whole, {**RUN.tasks, "reject": span(26, 26)})
    again = compute_overhead(skipped, RECORDED, PLAIN, CLOCKED, Starts(2.0, 0.5), jvms=1, beams=1)
    assert again.parts == pytest.approx(compute().parts)


def test_each_task_has_its_wait_and_what_lies_around_its_record() -> None:
    assert compute_gaps(RUN, RECORDED) == {
        "inspect": Gaps(1, 3.5, 0.5),
        "match": Gaps(2, 4, 1.5),
        "publish": Gaps(3, 2, 1.5),
    }
