"""Joined track: every picture at its time, or an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.encoding.track import check_times, join_chunks, read_picture_times
from schemas.errors import MediaToolError
from tests.pipelines.conftest import ffmpeg
from tests.pipelines.measure import decode

TIMESCALE = 12_288


def encode_footage(folder: Path, name: str, rate: int, seconds: int) -> Path:
    path = folder / name
    source = f"testsrc2=size=160x120:rate={rate}:duration={seconds}"
    codec = (
        "-c:v",
        "libx264",
        "-preset",
        "fast",
        "-pix_fmt",
        "yuv420p",
        "-video_track_timescale",
        str(TIMESCALE),
    )
    ffmpeg("-f", "lavfi", "-i", source, *codec, str(path))
    return path


@pytest.fixture
def joined(tmp_path: Path) -> tuple[Path, list[int]]:
    """A quick part, then a slow one whose decoding starts long before it is shown, then a quick one."""
    parts = [(24, 2), (2, 6), (24, 1)]
    chunks = [
        encode_footage(tmp_path, f"{number}.mp4", rate, seconds)
        for number, (rate, seconds) in enumerate(parts)
    ]
    starts = [0, 2 * TIMESCALE, 8 * TIMESCALE]
    result = tmp_path / "joined.mp4"
    join_chunks(list(zip(chunks, starts, strict=True)), 9 * TIMESCALE, TIMESCALE, result)
    times = [
        start + picture * TIMESCALE // rate
        for start, (rate, seconds) in zip(starts, parts, strict=True)
        for picture in range(rate * seconds)
    ]
    return result, times


def test_joined_chunks_keep_every_picture_at_its_time(joined: tuple[Path, list[int]]) -> None:
    path, times = joined
    check_times(path, times, TIMESCALE, "here")
    assert [round(time * TIMESCALE) for time, _ in decode(path)] == times
    assert len(read_picture_times(path)) == 84


def test_a_missing_picture_is_told(joined: tuple[Path, list[int]]) -> None:
    path, times = joined
    with pytest.raises(MediaToolError, match="here: 84 of 85 pictures were encoded"):
        check_times(path, [*times, times[-1] + 512], TIMESCALE, "here")


def test_a_moved_picture_is_told(joined: tuple[Path, list[int]]) -> None:
    path, times = joined
    with pytest.raises(MediaToolError, match="picture 50"):
        check_times(path, [*times[:50], times[50] + 99, *times[51:]], TIMESCALE, "here")
