"""Fingerprints of a file: four perceptual hashes per second of video.

Tests: tests/pipelines/inspection/test_inspection.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.inspection.decode_check import Sample
from pipelines.inspection.inspection import inspect_source
from pipelines.progress import OnProgress
from pipelines.source.faults import UnfitSourceError
from stores.media import file_digest


def fingerprint_file(
    path: Path, workers: int | None = None, on_progress: OnProgress | None = None
) -> tuple[float, list[dict[str, Any]]]:
    """Fingerprint a file: its duration in seconds, and rows {position_s, hash, quality, sha256}, none for sound alone.

    Raises InputError if it cannot be read, UnfitSourceError (an InputError) if it is damaged.
    """
    inspection = inspect_source(path, workers=workers, on_progress=on_progress)
    fatal = next((fault for fault in inspection.faults if fault.severity == "fatal"), None)
    if fatal is not None:
        raise UnfitSourceError(path, fatal)
    return inspection.duration_s or 0.0, build_fingerprint_rows(inspection.merge_samples(), file_digest(path))


def build_fingerprint_rows(samples: list[Sample], sha256: str) -> list[dict[str, Any]]:
    """Build rows of `fingerprints`, without the video's id and their origin."""
    return [
        {"position_s": sample.position_s, "hash": sample.hash, "quality": sample.quality, "sha256": sha256}
        for sample in samples
    ]
