"""Sprite sheets: the right picture at each time, in few sheets, referred to by rectangles."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import media_tools
from pipelines.ladder.ladder import Rung
from pipelines.package.sprite_sheet import lay_out, make_sprites
from tests.pipelines.conftest import ffmpeg
from tests.pipelines.measure import digest_folder, measure_size

RUNG = Rung("h264", 320, 180, 400)
CUE = re.compile(
    r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)"
)


@pytest.fixture
def track(tmp_path: Path) -> Path:
    """Every two seconds another shade of grey, darker to lighter, with a key frame; 25 s."""
    path = tmp_path / "track.mp4"
    shades = "color=black:size=320x180:rate=12:duration=25,geq=lum='20+16*floor(T/2)':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", shades, "-c:v", "libx264", "-g", "24", "-pix_fmt", "yuv420p", str(path))
    return path


def brightness(sheet: Path, place: tuple[int, ...]) -> float:
    """Mean of a rectangle of a sheet, 0 to 255."""
    x, y, width, height = place
    command = [
        *(media_tools.program("ffmpeg"), "-v", "error", "-i", str(sheet)),
        *("-vf", f"crop={width}:{height}:{x}:{y},format=gray", "-f", "rawvideo", "-"),
    ]
    pixels = subprocess.run(command, check=True, capture_output=True).stdout
    return sum(pixels) / len(pixels)


def test_each_cue_shows_its_time(track: Path, tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    sheets = make_sprites(track, RUNG, 25.0, tmp_path / "sheets")
    assert [path.name for path in sheets.paths] == ["00001.jpg"]
    assert measure_size(sheets.paths[0]) == (10 * 160, 2 * 90)
    text = (sheets.folder / "thumbnails.vtt").read_text()
    cues = CUE.findall(text)
    assert text.startswith("WEBVTT\n\n")
    assert len(cues) == sheets.pictures == 13
    starts = [int(cue[0]) * 3600 + int(cue[1]) * 60 + float(cue[2]) for cue in cues]
    ends = [int(cue[3]) * 3600 + int(cue[4]) * 60 + float(cue[5]) for cue in cues]
    assert starts == [2.0 * number for number in range(13)]
    assert ends == [*starts[1:], 25.0]
    shades = [brightness(sheets.folder / cue[6], tuple(map(int, cue[7:]))) for cue in cues]
    steps = [later - earlier for earlier, later in pairwise(shades)]
    assert all(14 <= step <= 24 for step in steps)


def test_sheets_are_the_same_every_time(track: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make_sprites(track, RUNG, 25.0, tmp_path / name)
        made.append(digest_folder(tmp_path / name))
    assert made[0] == made[1]


@given(st.floats(0.01, 40_000), st.integers(2, 4_000), st.integers(2, 4_000))
def test_a_long_film_has_few_sheets(duration_s: float, width: int, height: int) -> None:
    sheets = lay_out(Rung("h264", width // 2 * 2, height // 2 * 2, 1), duration_s, Path())
    per_sheet = sheets.columns * sheets.rows
    assert sheets.pictures <= 10 * 100
    assert (
        (sheets.pictures - 1) * sheets.interval_s < duration_s <= sheets.pictures * sheets.interval_s + 1e-5
    )
    assert per_sheet <= 100
    assert (per_sheet == 100) or sheets.pictures <= per_sheet < sheets.pictures + 10
    assert sheets.width <= 160
    assert sheets.height <= 90
    assert sheets.width % 2 == sheets.height % 2 == 0
