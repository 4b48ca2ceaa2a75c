"""What the last encode of a source published: kept by content, read by the stage that makes it public.

A stage tells the next one nothing but names through Airflow; what it made is written here, and only after all of it
lies in the media store.
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
    """A published package: its digest, its thumbnail's name, its length, its rows of `renditions` but for the id."""

    package: str
    thumbnail: str | None
    duration_s: float
    renditions: list[dict[str, Any]]


def build_record_key(sha256: str) -> str:
    """Names the record by the source and everything that decides what is made of it."""
    return MediaStore.key(
        {
            "made": "package",
            "source": sha256,
            "recipes": [codecs.RECIPE, ladder.INGEST_CODECS, packaging.SEGMENT_S, sprite_sheet.RECIPE],
            "programs": [media_tools.version(name) for name in ("ffmpeg", "ffmpeg-vmaf", "packager")],
        }
    )


def read_record(sha256: str) -> PackageRecord | None:
    """The record of a source whose package is still in the store, or None."""
    path = media().cached(build_record_key(sha256), SUFFIX)
    if path is None:
        return None
    record = PackageRecord(**json.loads(path.read_text()))
    try:
        media().package_path(record.package)
    except NotFoundError:
        return None
    return record


def require_record(sha256: str) -> PackageRecord:
    """The record of a source. Raises StageError where it was not encoded."""
    record = read_record(sha256)
    if record is None:
        raise StageError(f"source {sha256} has no package in the media store; run the encode stage first")
    return record


def write_record(sha256: str, record: PackageRecord) -> None:
    """Keep the record, in place of an earlier one."""
    with media().keep(build_record_key(sha256), SUFFIX) as path:
        path.write_text(json.dumps(asdict(record), sort_keys=True))
