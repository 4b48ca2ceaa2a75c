"""Sprite sheets: small pictures along the timeline, many in one JPEG, for a player's seek bar.

Made from the key frames of the smallest rendition alone: for an hour some 1,800 pictures of 240 lines, about a second
of decoding. A WebVTT file refers to each one by its rectangle (W3C Media Fragments, 4.2.2), and the DASH manifest
lists the sheets as tiles (DASH-IF Interoperability Points 4.3, 6.2.6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import ffmpeg

from pipelines import media_tools
from pipelines.ladder.ladder import Rung
from schemas.errors import MediaToolError

RECIPE = 1
"""Increment it when sheets change: it is part of the package record's cache key."""

BOX = (160, 90)
COLUMNS, ROWS = 10, 10
SHORTEST_INTERVAL_S = 2
MOST_PICTURES = 1_000
"""Limits a long film to ten sheets: its pictures are further apart."""

INDEX = "thumbnails.vtt"
SHEET = "%05d.jpg"


@dataclass(frozen=True)
class SpriteSheets:
    """All sheets of one video in a folder: `pictures` of `width` x `height` pixels, one every `interval_s` seconds.

    Each sheet has `columns` x `rows` of them; the last sheet is padded with black.
    """

    folder: Path
    pictures: int
    interval_s: int
    columns: int
    rows: int
    width: int
    height: int

    @property
    def paths(self) -> list[Path]:
        """Paths of the sheets, in order of time."""
        return sorted(self.folder.glob("*.jpg"))

    @property
    def sheet_s(self) -> int:
        """Seconds that one sheet covers."""
        return self.columns * self.rows * self.interval_s


def make_sprites(track: Path, rung: Rung, duration_s: float, folder: Path) -> SpriteSheets:
    """Write the sheets of a finished track and their index into an empty folder. Raises MediaToolError."""
    sheets = lay_out(rung, duration_s, folder)
    media_tools.check(_build_command(track, rung, sheets))
    written, expected = len(sheets.paths), math.ceil(sheets.pictures / (sheets.columns * sheets.rows))
    if written != expected:
        raise MediaToolError(f"{written} of {expected} sprite sheets were written")
    (folder / INDEX).write_text(_format_index(sheets, duration_s))
    return sheets


def lay_out(rung: Rung, duration_s: float, folder: Path) -> SpriteSheets:
    """Choose the number, interval and layout of the pictures for a video of this duration."""
    interval_s = max(SHORTEST_INTERVAL_S, math.ceil(duration_s / MOST_PICTURES))
    pictures = max(1, math.ceil(duration_s / interval_s - 1e-6))
    columns = min(COLUMNS, pictures)
    rows = min(ROWS, math.ceil(pictures / columns))
    return SpriteSheets(folder, pictures, interval_s, columns, rows, *_fit_box(rung))


def _build_command(track: Path, rung: Rung, sheets: SpriteSheets) -> list[str]:
    """Build the ffmpeg command: each tile shows the last key frame up to its time, until the end."""
    decoder = "ffmpeg-vmaf" if rung.codec == "av1" else "ffmpeg"
    stream = ffmpeg.input(media_tools.file_url(track), skip_frame="nokey", threads=1)["v:0"]
    stream = (
        stream.filter("setpts", "PTS-STARTPTS")
        .filter("tpad", stop_mode="clone", stop=-1)
        .filter("fps", fps=f"1/{sheets.interval_s}", round="up")
        .filter("trim", end_frame=sheets.pictures)
        .filter("scale", sheets.width, sheets.height, flags="area+accurate_rnd+bitexact", out_range="pc")
        .filter("format", "yuvj420p")
        .filter("tile", f"{sheets.columns}x{sheets.rows}")
    )
    options = {"c:v": "mjpeg", "q:v": 5, "threads": 1, "flags:v": "+bitexact", "fflags": "+bitexact"}
    target = media_tools.file_url(sheets.folder / SHEET)
    output = stream.output(target, format="image2", fps_mode="passthrough", **options)
    return media_tools.ffmpeg_command(output, decoder)


def _format_index(sheets: SpriteSheets, duration_s: float) -> str:
    cues = ["WEBVTT"]
    paths, per_sheet = sheets.paths, sheets.columns * sheets.rows
    for number in range(sheets.pictures):
        start_s = number * sheets.interval_s
        end_s = max(min(start_s + sheets.interval_s, duration_s), start_s + 0.001)
        row, column = divmod(number % per_sheet, sheets.columns)
        rectangle = f"{column * sheets.width},{row * sheets.height},{sheets.width},{sheets.height}"
        name = paths[number // per_sheet].name
        cues.append(f"{_format_time(start_s)} --> {_format_time(end_s)}\n{name}#xywh={rectangle}")
    return "\n\n".join(cues) + "\n"


def _format_time(seconds: float) -> str:
    milliseconds = round(seconds * 1_000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _fit_box(rung: Rung) -> tuple[int, int]:
    """The largest even size that fits the box, with the picture's aspect ratio."""
    scale = min(Fraction(BOX[0], rung.width), Fraction(BOX[1], rung.height), Fraction(1))
    return max(2, int(rung.width * scale) // 2 * 2), max(2, int(rung.height * scale) // 2 * 2)
