"""Stage `encode`: encodes every chunk on every rung and the sound, joins, verifies, packages, stores the package.

`python -m pipelines.encode_video --video-id V --run-id R --attempt N --outcome FILE [Beam options]`. Encoded chunks and
the finished package are cached by content: after a kill it continues, and a repeat encodes nothing. Replaces all rows
of the video in `renditions`. Nothing is public before `publish`.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipelines.encoding.package_record import PackageRecord, read_record, write_record
from pipelines.encoding.renditions import Package, build_package
from pipelines.ladder.ladder import INGEST_CODECS
from pipelines.package.thumbnail import choose_position, make_thumbnail
from pipelines.video_row import read_video, require_source_digest, update_video
from stores.delta import lake
from stores.media import media
from stores.stage import stage_arguments, stage_attempt


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage."""
    arguments = stage_arguments(argv)
    with stage_attempt("encode", arguments) as attempt:
        sha256 = require_source_digest(read_video(arguments.video))
        update_video(arguments.video, {"status": "encoding"})
        record, attempt.detail = read_record(sha256), "0 chunks encoded"
        if record is None:
            record, attempt.detail = _build_package(arguments.video, sha256, arguments.rest)
        rows = [{"video_id": arguments.video, **row} for row in record.renditions]
        lake().replace("renditions", scope={"video_id": arguments.video}, rows=rows)
        attempt.rows = len(rows)
    return 0


def _build_package(video_id: str, sha256: str, engine_options: Sequence[str]) -> tuple[PackageRecord, str]:
    """Build and store the package and its thumbnail; the record is written last."""
    source = media().source_path(sha256)
    with build_package(source, sha256, codecs=INGEST_CODECS, engine_options=engine_options) as package:
        thumbnail = _publish_thumbnail(video_id, package)
        rows = [rendition.as_row() for rendition in package.renditions]
        digest = media().publish_package(package.folder)
    record = PackageRecord(digest, thumbnail, package.duration_s, rows)
    write_record(sha256, record)
    return record, f"{package.encoded} chunks encoded, {package.reused} reused"


def _publish_thumbnail(video_id: str, package: Package) -> str | None:
    """Publish the thumbnail at the best fingerprint of the video; returns its name, None for sound alone."""
    if package.plan is None:
        return None
    sampled = lake().read("fingerprints", columns=["position_s", "quality"], where={"video_id": video_id})
    samples = [(row["position_s"], row["quality"]) for row in sampled.to_pylist()]
    with media().staging() as folder:
        picture = folder / "thumbnail.jpg"
        make_thumbnail(package.plan, choose_position(samples, package.duration_s), picture)
        return media().publish_thumbnail(picture)


if __name__ == "__main__":
    sys.exit(main())
