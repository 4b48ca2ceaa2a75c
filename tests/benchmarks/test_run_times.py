"""Records of the stages, read from a lake."""

from __future__ import annotations

from benchmarks.run_times import read_recorded_stages
from stores.delta import Lake
from tests.benchmarks.times import NOON, span


def test_the_attempt_that_succeeded_counts(tables: Lake) -> None:
    common = {"run_id": "v-1", "video_id": "v"}
    tables.merge(
        "pipeline_runs",
        [
            {**common, "stage": "inspect", "attempt": 1, "state": "lost", "started": NOON},
            {**common, "stage": "inspect", "attempt": 2, "state": "succeeded"}
            | {"started": span(60, 62).started, "ended": span(60, 62).ended, "duration_s": 2.0},
            {**common, "stage": "match", "attempt": 1, "state": "running", "started": NOON},
            {**common, "run_id": "v-2", "stage": "match", "attempt": 1, "state": "succeeded"}
            | {"started": NOON, "ended": NOON, "duration_s": 0.0},
        ],
    )
    assert read_recorded_stages(tables, "v-1") == {"inspect": span(60, 62)}
