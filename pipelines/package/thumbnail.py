"""Thumbnail of a video: the fingerprinted picture with the most detail."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from pipelines import media_tools
from pipelines.source.chunk_plan import ChunkPlan, format_seek
from pipelines.source.cutting import rotate_upright

BOX = (640, 360)
"""Largest width and height, for any aspect ratio."""

MIDDLE = (0.1, 0.9)
"""Titles and fades are usually outside this part of the duration."""


def choose_position(samples: Iterable[tuple[float, int]], duration_s: float) -> float:
    """Choose the picture with the highest quality, the earliest of equals, preferably not near the ends.

    `samples`: (position_s, quality). Returns its time in seconds; 0 without samples.
    """
    ranked = list(samples)
    low, high = (share * duration_s for share in MIDDLE)
    middle = [sample for sample in ranked if low <= sample[0] <= high] or ranked
    return max(middle, key=lambda sample: (sample[1], -sample[0]), default=(0.0, 0))[0]


def make_thumbnail(plan: ChunkPlan, position_s: float, result: Path) -> None:
    """Write the first picture at or after `position_s` as JPEG; 0 is the first picture. Raises MediaToolError."""
    video = plan.video
    wanted_s = Fraction(plan.first_pts) * video.time_base + Fraction(round(position_s * 1_000_000), 1_000_000)
    # Half a tick earlier, so that a rounded time does not miss its own picture.
    wanted = f"gte(t,{float(wanted_s - video.time_base / 2):.6f})"
    chunk = next(
        chunk for chunk in reversed(plan.chunks) if plan.seconds(chunk.start_pts) <= position_s + 1e-6
    )
    seek = {}
    if chunk.index:
        seek = {
            "ss": format_seek(chunk.start_pts, video.time_base),
            "seek_timestamp": 1,
            "noaccurate_seek": None,
        }
    stream = media_tools.source_input(plan.source.path, copyts=None, noautorotate=None, threads=1, **seek)
    width, height = _fit_box(video.shown_size)
    picture = rotate_upright(stream[str(video.index)].filter("select", wanted), video.rotation)
    picture = picture.filter("scale", width, height, flags="bicubic+accurate_rnd+bitexact", out_range="pc")
    picture = picture.filter("format", "yuvj420p").filter("setsar", 1)
    options = {"vframes": 1, "c:v": "mjpeg", "q:v": 3, "flags:v": "+bitexact", "fflags": "+bitexact"}
    output = picture.output(media_tools.file_url(result), format="image2", update=1, **options)
    media_tools.check(media_tools.ffmpeg_command(output, video.decoder))


def _fit_box(shown: tuple[int, int]) -> tuple[int, int]:
    """The largest even size that fits the box, with the picture's aspect ratio, without enlarging it."""
    scale = min(Fraction(BOX[0], shown[0]), Fraction(BOX[1], shown[1]), Fraction(1))
    return max(2, int(shown[0] * scale) // 2 * 2), max(2, int(shown[1] * scale) // 2 * 2)
