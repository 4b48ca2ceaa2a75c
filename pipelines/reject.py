"""Stage `reject`: sets the final status of a video that must not be published, with reasons that users can act on.

`python -m pipelines.reject --video-id V --run-id R --attempt N --outcome FILE`. Status `rejected` if inspection found a
fatal fault, `duplicate` if the corpus has all of it; row and event are written in one transaction.

Tests: tests/pipelines/test_ingest_stages.py, tests/jobs/test_match_video.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pipelines.source.faults import Fault, list_reasons
from pipelines.video_row import read_video, update_video
from schemas.errors import StageError
from stores.delta import lake
from stores.match_decisions import select_duplicates
from stores.postgres import connect
from stores.stage import stage_arguments, stage_attempt


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage."""
    arguments = stage_arguments(argv)
    with stage_attempt("reject", arguments) as attempt:
        read_video(arguments.video)
        values = decide_verdict(arguments.video)
        status = update_video(arguments.video, values)
        attempt.rows = len(values["reasons"])
        attempt.detail = f"{status}: {'; '.join(values['reasons'])}"
    return 0


def decide_verdict(video_id: str) -> dict[str, Any]:
    """Decide the columns to set. Raises StageError if neither inspection nor matching gives a reason."""
    found = lake().read("inspections", where={"video_id": video_id}).to_pylist()
    if reasons := list_reasons(map(Fault.from_row, found)):
        return {"status": "rejected", "reasons": reasons}
    matches = lake().read("matches", where={"video_id": video_id}).to_pylist()
    with connect() as connection:
        whole = select_duplicates(connection, video_id, matches)
    if not whole:
        raise StageError(
            f"video {video_id} has neither a fatal fault nor a whole match: no reason to reject it"
        )
    best = min(whole, key=lambda match: (-match["score"], match["reference_video_id"]))
    reference = best["reference_video_id"]
    why = f"a copy of video {reference} ({best['score']:.0%} similar)"
    return {"status": "duplicate", "reasons": [why], "duplicate_of": reference}


if __name__ == "__main__":
    sys.exit(main())
