"""Stage `reject`: a video that must not be published gets its final status and reasons a person can act on.

`python -m pipelines.reject --video-id V --run-id R --attempt N --outcome FILE`. `rejected` where inspection found a
fatal fault, `duplicate` where all of it was there before; the row and its event in one transaction.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pipelines.source.faults import Fault, list_reasons
from pipelines.video_row import read_video, update_video
from schemas.errors import StageError
from stores.delta import lake
from stores.match_decisions import standing_wholes
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
    """The columns to set. Raises StageError where neither inspection nor matching gave a reason."""
    found = lake().read("inspections", where={"video_id": video_id}).to_pylist()
    if said := list_reasons(map(Fault.from_row, found)):
        return {"status": "rejected", "reasons": said}
    matches = lake().read("matches", where={"video_id": video_id}).to_pylist()
    with connect() as connection:
        whole = standing_wholes(connection, video_id, matches)
    if not whole:
        raise StageError(
            f"video {video_id} has neither a fatal fault nor a whole match: there is no reason to reject it"
        )
    best = min(whole, key=lambda match: (-match["score"], match["reference_video_id"]))
    reference = best["reference_video_id"]
    why = f"all of it is in video {reference} already ({best['score']:.0%} alike)"
    return {"status": "duplicate", "reasons": [why], "duplicate_of": reference}


if __name__ == "__main__":
    sys.exit(main())
