"""`newsreel encode`: a package of one file in a given folder, with the quality of each rendition."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.encoding.quality_score import Comparison, measure_vmaf
from pipelines.encoding.renditions import Package, build_package
from pipelines.ladder.ladder import CODECS, DEFAULT_CODECS
from pipelines.package.manifests import DASH, HLS
from pipelines.progress import OnProgress
from pipelines.source.probe import probe
from schemas.errors import DependencyError, InputError
from stores.media import file_digest


def encode_file(
    path: Path,
    out: Path,
    codecs: Sequence[str] = DEFAULT_CODECS,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Package a file into `out`, which is replaced as a whole; returns the report of `newsreel encode --json`.

    Raises InputError if the file cannot be read or `out` is not a package or empty, DependencyError for a codec without
    an encoder, MediaToolError if a picture would be lost.
    """
    _check_codecs(codecs)
    probe(path)  # report an unreadable file before hashing it
    _check_target(out)
    with build_package(
        path, file_digest(path), codecs=codecs, workers=workers, on_progress=on_progress
    ) as package:
        scores = _measure_scores(package, on_progress)
        report = _build_report(package, out, scores)
        _replace(package.folder, out)
    return report


def _check_codecs(codecs: Sequence[str]) -> None:
    unknown = [codec for codec in codecs if codec not in CODECS]
    if unknown or not codecs:
        raise DependencyError(
            f"codec {', '.join(unknown) or '(none)'}: no encoder available; choose from {', '.join(CODECS)}"
        )


def _check_target(out: Path) -> None:
    """Raise InputError unless `out` is missing, empty or an earlier package: nothing else is overwritten."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"--out {out}: not a folder")
    if out.is_dir() and any(out.iterdir()) and not ((out / HLS).exists() and (out / DASH).exists()):
        raise InputError(f"--out {out}: not empty and not a package; give a new or empty folder")


def _measure_scores(package: Package, on_progress: OnProgress | None) -> dict[str, float | None]:
    """VMAF by rendition, measured one at a time: libvmaf uses all cores itself."""
    if package.plan is None:
        return {}
    pictures = [rendition for rendition in package.renditions if rendition.frames is not None]
    scores: dict[str, float | None] = {}
    for number, rendition in enumerate(pictures):
        if on_progress:
            on_progress(number, len(pictures), "vmaf")
        comparison = Comparison(package.plan, package.sha256, rendition.track, file_digest(rendition.track))
        scores[rendition.name] = measure_vmaf(comparison)
    if on_progress:
        on_progress(len(pictures), len(pictures), "vmaf")
    return scores


def _build_report(package: Package, out: Path, scores: dict[str, float | None]) -> dict[str, Any]:
    rows = [rendition.as_row() for rendition in package.renditions]
    picture = ("codec", "width", "height", "bitrate_bps", "peak_bps", "frames")
    frames = [row["frames"] for row in rows if row["media"] == "video"]
    return {
        "out": str(out),
        "duration_s": package.duration_s,
        "frames": frames[0] if frames else 0,
        "renditions": [
            {**{name: row[name] for name in picture}, "vmaf": scores[row["rendition_id"]]}
            for row in rows
            if row["media"] == "video"
        ],
        "audio": [
            {name: row[name] for name in ("codec", "channels", "bitrate_bps")}
            for row in rows
            if row["media"] == "audio"
        ],
        "hls": HLS,
        "dash": DASH,
        "reused_chunks": package.reused,
        "encoded_chunks": package.encoded,
    }


def _replace(folder: Path, out: Path) -> None:
    """Swap the package in by renames on the target's file system: the whole old one or the whole new one is there."""
    target = out.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new-{os.getpid()}")
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    try:
        shutil.copytree(folder, fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except shutil.Error as error:
        raise InputError(f"--out {out}: cannot be written: {error.args[0][0][2]}") from error
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
