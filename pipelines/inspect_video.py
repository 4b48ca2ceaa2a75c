"""Stage `inspect`: chunks, faults and fingerprints of a source from one strict decode, and the next stage.

`python -m pipelines.inspect_video --video-id V --run-id R --attempt N --outcome FILE [Beam options]`. Replaces all rows
of the video in `chunks`, `inspections` and `fingerprints`, so that a repeat changes nothing. Next: `match`, or `reject`
if a fault is fatal.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from typing import Any

from pipelines.inspection.fingerprints import build_fingerprint_rows
from pipelines.inspection.inspection import Inspection, inspect_source
from pipelines.source.faults import Fault, list_reasons
from pipelines.video_row import read_video, require_source_digest, update_video
from stores.delta import lake
from stores.media import media
from stores.stage import stage_arguments, stage_attempt

FAULTS = uuid.uuid5(uuid.NAMESPACE_URL, "newsreel:inspections")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; returns 0 for a rejection too."""
    arguments = stage_arguments(argv)
    with stage_attempt("inspect", arguments, opens=True) as attempt:
        sha256 = require_source_digest(read_video(arguments.video))
        update_video(arguments.video, {"status": "inspecting", "reasons": []})
        source = media().source_path(sha256)
        inspection = inspect_source(source, engine_options=arguments.rest)
        attempt.rows = write_rows(arguments.video, sha256, inspection)
        attempt.refused = not inspection.accepted
        attempt.next = ["match"] if inspection.accepted else ["reject"]
        attempt.detail = "accept" if inspection.accepted else "; ".join(list_reasons(inspection.faults))
    return 0


def write_rows(video_id: str, sha256: str, inspection: Inspection) -> int:
    """Write the results to the lake, one commit per table; returns the number of rows."""
    owner = {"video_id": video_id}
    tables: dict[str, list[dict[str, Any]]] = {
        "chunks": [{**owner, **row} for row in inspection.build_chunk_rows()],
        "inspections": [{**owner, **_fault_row(video_id, fault)} for fault in inspection.faults],
        "fingerprints": [
            {**owner, **row, "origin": "ingest"}
            for row in build_fingerprint_rows(inspection.merge_samples(), sha256)
        ],
    }
    for name, rows in tables.items():
        lake().replace(name, scope=owner, rows=rows)
    return sum(map(len, tables.values()))


def _fault_row(video_id: str, fault: Fault) -> dict[str, Any]:
    return {
        **fault.as_row(),
        "fault_id": str(uuid.uuid5(FAULTS, f"{video_id}/{fault.kind}/{fault.sort_key}")),
    }


if __name__ == "__main__":
    sys.exit(main())
