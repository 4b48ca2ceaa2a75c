"""Package record: the result of the last encode of a source, cached by content, read by stage `publish`.

Stages pass nothing but names through Airflow. The record is written only after all of the package is in the media
store.

Tests: tests/pipelines/test_ingest_stages.py.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pipelines import media_tools
from pipelines.ladder import codecs, ladder
from pipelines.package import packaging, sprite_sheet
from schemas.errors import NotFoundError, StageError
from stores.media import MediaStore, media

SUFFIX = ".json"


@dataclass(frozen=True)
class PackageRecord:
    """A stored package: its digest, thumbnail's name, duration, and rows of `renditions` without the video's id."""

    package: str
    thumbnail: str | None
    duration_s: float
    renditions: list[dict[str, Any]]


def build_record_key(sha256: str) -> str:
    """Build the cache key of all that determines a source's package."""
    return MediaStore.key(
        {
            "made": "package",
            "source": sha256,
            "recipes": [codecs.RECIPE, ladder.INGEST_CODECS, packaging.SEGMENT_S, sprite_sheet.RECIPE],
            "programs": [media_tools.version(name) for name in ("ffmpeg", "ffmpeg-vmaf", "packager")],
        }
    )


def read_record(sha256: str) -> PackageRecord | None:
    """Read the record of a source whose package is still in the store, or None."""
    path = media().find_result(build_record_key(sha256), SUFFIX)
    if path is None:
        return None
    record = PackageRecord(**json.loads(path.read_text()))
    try:
        media().package_path(record.package)
    except NotFoundError:
        return None
    return record


def require_record(sha256: str) -> PackageRecord:
    """Read the record of a source. Raises StageError if it was not encoded."""
    record = read_record(sha256)
    if record is None:
        raise StageError(f"source {sha256} has no package in the media store; run the encode stage first")
    return record


def write_record(sha256: str, record: PackageRecord) -> None:
    """Write the record, overwriting an earlier one."""
    with media().keep(build_record_key(sha256), SUFFIX) as path:
        path.write_text(json.dumps(asdict(record), sort_keys=True))
