"""Stage `publish`: checks all rows written for a video against their expectations, then makes it `ready`.

`python -m pipelines.publish --video-id V --run-id R --attempt N --outcome FILE`. Row and event are written in one
transaction; a video whose status is final is not changed.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipelines.encoding.package_record import require_record
from pipelines.package.packaging import verify_package
from pipelines.video_row import read_video, require_source_digest, update_video
from schemas.errors import StageError
from stores.delta import lake
from stores.media import media
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

CHECKED_TABLES = ("chunks", "inspections", "fingerprints", "matches", "renditions")
THUMBNAIL_URL = "/media/thumbnails/{name}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage."""
    arguments = stage_arguments(argv)
    with stage_attempt("publish", arguments) as attempt:
        video = read_video(arguments.video)
        attempt.rows = check_written_rows(arguments.run_id, arguments.video)
        record = require_record(require_source_digest(video))
        folder = media().package_path(record.package)
        verify_package(folder)
        missing = [row["path"] for row in record.renditions if not (folder / row["path"]).is_dir()]
        if missing:
            raise StageError(
                f"package {record.package} has no folder {missing[0]}; run the encode stage again"
            )
        attempt.detail = update_video(
            arguments.video,
            {
                "status": "ready",
                "reasons": [],
                "package": record.package,
                "thumbnail_url": THUMBNAIL_URL.format(name=record.thumbnail) if record.thumbnail else None,
                "duration_s": record.duration_s,
            },
        )
    return 0


def check_written_rows(run_id: str, video_id: str) -> int:
    """Check the rows of the video; returns their number. Raises QualityError, or StageError without renditions."""
    checked = 0
    for name in CHECKED_TABLES:
        rows = lake().read(name, where={"video_id": video_id}).to_pylist()
        if name == "renditions" and not rows:
            raise StageError(f"video {video_id} has no renditions; run the encode stage first")
        check_rows(run_id, name, rows)
        checked += len(rows)
    return checked


if __name__ == "__main__":
    sys.exit(main())
