"""Thumbnail: detailed, upright, within its box, the same bytes every time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines import media_tools
from pipelines.inspection.fingerprints import fingerprint_file
from pipelines.package.thumbnail import choose_position, make_thumbnail
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.probe import probe
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import measure_size


def mean_luma(path: Path) -> float:
    command = [
        media_tools.program("ffmpeg"),
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-",
    ]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return sum(data) / len(data)


@pytest.mark.usefixtures("home")
def test_the_clip_has_a_thumbnail_with_something_to_see(clip: Path, tmp_path: Path) -> None:
    duration_s, rows = fingerprint_file(clip)
    position_s = choose_position([(row["position_s"], row["quality"]) for row in rows], duration_s)
    for name in ("one.jpg", "two.jpg"):
        make_thumbnail(plan_chunks(probe(clip)), position_s, tmp_path / name)
    assert measure_size(tmp_path / "one.jpg") == (640, 360)
    assert mean_luma(tmp_path / "one.jpg") > 40
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("rotated.mp4", (240, 320)), ("anamorphic.mp4", (512, 288)), ("late-start.mkv", (320, 240))],
)
def test_a_thumbnail_is_upright_in_square_pixels_and_never_enlarged(
    footage: Footage, tmp_path: Path, name: str, shown: tuple[int, int]
) -> None:
    make_thumbnail(plan_chunks(probe(footage(name))), 1.25, tmp_path / "thumbnail.jpg")
    assert measure_size(tmp_path / "thumbnail.jpg") == shown


@pytest.mark.parametrize("position_s", [0.0, 9.125, 15.0])
def test_any_sampled_position_has_a_picture(clip: Path, tmp_path: Path, position_s: float) -> None:
    make_thumbnail(plan_chunks(probe(clip)), position_s, tmp_path / "thumbnail.jpg")
    assert measure_size(tmp_path / "thumbnail.jpg") == (640, 360)


def test_the_best_position_is_the_earliest_of_the_richest_and_not_at_the_ends() -> None:
    assert choose_position([(0.0, 100), (3.0, 50), (4.0, 90), (5.0, 90), (9.8, 100)], 10) == 4.0
    assert choose_position([(0.0, 7)], 10) == 0.0
    assert choose_position([], 10) == 0.0
