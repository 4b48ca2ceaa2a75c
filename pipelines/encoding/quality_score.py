"""How near a rendition is to its source: VMAF (libvmaf, model v0.6.1), the mean over all pictures."""

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
"""libvmaf crashes on pictures with fewer lines or columns."""


@dataclass(frozen=True)
class Comparison:
    """One finished track against its source; `track_sha256` names the result among those kept."""

    whole: ChunkPlan
    sha256: str
    track: Path
    track_sha256: str

    @property
    def key(self) -> str:
        """Names the result by all that it depends on."""
        programs = [media_tools.version(PROGRAM), MODEL]
        return MediaStore.key(
            {"made": "vmaf", "source": self.sha256, "track": self.track_sha256, "by": programs}
        )


def measure_vmaf(comparison: Comparison) -> float | None:
    """Mean VMAF, 0 to 100, kept by content; None for a source under SMALLEST_SIDE.

    Pictures are compared in order, at the source's stored size, upright.

    Raises MediaToolError where a track cannot be decoded.
    """
    if min(comparison.whole.video.width, comparison.whole.video.height) < SMALLEST_SIDE:
        return None
    key = comparison.key
    kept = media().cached(key, SUFFIX)
    if kept is not None:
        return float(json.loads(kept.read_text()))
    score = _run_vmaf(comparison)
    with media().keep(key, SUFFIX) as path:
        path.write_text(json.dumps(score))
    return score


def _run_vmaf(comparison: Comparison) -> float:
    piece, video = build_pieces(comparison.whole)[0], comparison.whole.video
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
            # libvmaf ends well even where its report could not be written.
            raise MediaToolError(f"libvmaf wrote no whole report to {folder}; is the disk full?") from error


def _number_pictures(stream: ffmpeg.Stream) -> ffmpeg.Stream:
    """Numbered evenly, so that pictures meet by their order: both have the same ones."""
    return (
        stream.filter("format", "yuv420p").filter("setsar", 1).filter("settb", "1/25").filter("setpts", "N")
    )
