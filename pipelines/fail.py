"""Stage `fail`: sets status and reasons of a video whose run failed.

`python -m pipelines.fail --video-id V --run-id R --attempt N --outcome FILE`. Never changes a final status. Exits 1
when its work is done, so that the DAG run fails.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pipelines.video_row import read_video, update_video
from stores.delta import lake
from stores.stage import stage_arguments, stage_attempt

STAGE = "fail"
ENDED_WELL = frozenset({"succeeded", "refused"})
NO_REASON = "a stage failed without giving a reason; see the log of this run in Airflow"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; returns 1 on success."""
    arguments = stage_arguments(argv)
    with stage_attempt(STAGE, arguments) as attempt:
        read_video(arguments.video)
        reasons = list_failures(lake().read("pipeline_runs", where={"run_id": arguments.run_id}).to_pylist())
        update_video(arguments.video, {"status": "failed", "reasons": reasons})
        attempt.rows = len(reasons)
        attempt.detail = "; ".join(reasons)
    return 1


def list_failures(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Reasons of the stages whose last attempt did not succeed, in order of time."""
    last: dict[str, dict[str, Any]] = {}
    for run in sorted(runs, key=lambda run: (run["attempt"], run["started"])):
        if run["stage"] != STAGE:
            last[run["stage"]] = run
    broken = sorted(
        (run for run in last.values() if run["state"] not in ENDED_WELL), key=lambda run: run["started"]
    )
    return [f"{run['stage']}: {run['detail'] or 'its process was killed'}" for run in broken] or [NO_REASON]


if __name__ == "__main__":
    sys.exit(main())
