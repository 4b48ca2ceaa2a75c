"""Report of the demo bench from given measurements."""

from __future__ import annotations

import pytest

from benchmarks.demo import DagRun, HandRun, build_report
from benchmarks.hand import HandStage
from benchmarks.overhead import Gaps, Overhead, Starts

HAND = HandRun({"inspect": HandStage(5, 2), "publish": HandStage(6, 4)}, {}, Starts(2.0, 0.5))


def build_dag_run(overhead_s: float) -> DagRun:
    cost = Overhead(20 + overhead_s, 20, {"JVM start": overhead_s})
    return DagRun(cost, 30, 60, 12, 8, {"inspect": Gaps(1, 3, 0.5)})


def test_the_middle_run_is_told_as_a_whole() -> None:
    found = build_report([(build_dag_run(overhead_s), HAND) for overhead_s in (40, 21, 25)], 70, {})
    figures = {figure.name: figure.value for figure in found.figures}
    assert figures["overhead of the DAG"] == 25
    assert figures["overhead, least and most apart"] == 19
    assert figures["inspect in the DAG: task to record"] == 3
    assert (found.ours, found.peer, found.breakdown) == (45, 11, {"JVM start": 25})


@pytest.mark.parametrize(("overhead_s", "passes"), [(45.0, True), (45.1, False)])
def test_only_the_limit_decides(overhead_s: float, passes: bool) -> None:
    assert build_report([(build_dag_run(overhead_s), HAND)], None, {}).passes is passes
