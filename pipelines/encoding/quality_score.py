"""Quality score of a rendition against its source: VMAF (libvmaf, model v0.6.1), the mean over all pictures."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from pipelines import media_tools
from pipelines.source.chunk_plan import ChunkPlan
from pipelines.source.cutting import build_pieces, rotate_upright
from schemas.errors import MediaToolError
from stores.media import MediaStore, media

PROGRAM = "ffmpeg-vmaf"
MODEL = "version=vmaf_v0.6.1"
SUFFIX = ".json"
SMALLEST_SIDE = 32
"""libvmaf crashes on smaller pictures, in lines or columns."""


@dataclass(frozen=True)
class Comparison:
    """One finished track and its source. `sha256`, `track_sha256`: their digests, parts of the cache key."""

    plan: ChunkPlan
    sha256: str
    track: Path
    track_sha256: str

    @property
    def key(self) -> str:
        """Cache key of all that the score depends on."""
        programs = [media_tools.version(PROGRAM), MODEL]
        return MediaStore.key(
            {"made": "vmaf", "source": self.sha256, "track": self.track_sha256, "by": programs}
        )


def measure_vmaf(comparison: Comparison) -> float | None:
    """Measure mean VMAF, 0 to 100, cached by content; None for a source smaller than SMALLEST_SIDE.

    Pictures are compared in order, at the source's stored size, upright. Raises MediaToolError if a track cannot be
    decoded.
    """
    if min(comparison.plan.video.width, comparison.plan.video.height) < SMALLEST_SIDE:
        return None
    key = comparison.key
    cached = media().find_result(key, SUFFIX)
    if cached is not None:
        return float(json.loads(cached.read_text()))
    score = _run_vmaf(comparison)
    with media().keep(key, SUFFIX) as path:
        path.write_text(json.dumps(score))
    return score


def _run_vmaf(comparison: Comparison) -> float:
    piece, video = build_pieces(comparison.plan)[0], comparison.plan.video
    source = media_tools.source_input(piece.source.path, noautorotate=None)[str(video.index)]
    width, height = (
        (video.height, video.width) if video.rotation in (90, 270) else (video.width, video.height)
    )
    reference = _number_pictures(
        rotate_upright(source, video.rotation).filter("scale", width, height, out_range="tv")
    )
    track = ffmpeg.input(media_tools.file_url(comparison.track))["v:0"]
    distorted = _number_pictures(track.filter("scale", width, height, flags="bicubic"))
    with media().staging() as folder:
        log = folder / "vmaf.json"
        compared = ffmpeg.filter(
            [distorted, reference],
            "libvmaf",
            model=MODEL,
            log_fmt="json",
            log_path=str(log),
            n_threads=os.cpu_count() or 1,
            shortest=1,
        )
        media_tools.check(media_tools.ffmpeg_command(compared.output("pipe:1", format="null"), PROGRAM))
        try:
            return round(float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"]), 3)
        except (OSError, ValueError) as error:
            # libvmaf exits with 0 even if it could not write its report.
            raise MediaToolError(
                f"libvmaf wrote no complete report to {folder}; is the disk full?"
            ) from error


def _number_pictures(stream: ffmpeg.Stream) -> ffmpeg.Stream:
    """Number pictures evenly, so that they are compared by their order: both streams have the same ones."""
    return (
        stream.filter("format", "yuv420p").filter("setsar", 1).filter("settb", "1/25").filter("setpts", "N")
    )
