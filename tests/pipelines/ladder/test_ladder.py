"""Ladder: rungs never exceed the source, keep its aspect ratio, and are even; small sources get a sensible few."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ladder.ladder import build_audio_ladder, build_ladder
from pipelines.source.source import Audio, Video


def video(width: int, height: int, rotation: int = 0, rate: int = 24) -> Video:
    tick = Fraction(1, 12_288)
    return Video(
        0,
        "h264",
        width,
        height,
        Fraction(1),
        rotation,
        tick,
        Fraction(rate),
        interlaced=False,
        nal_length_bytes=4,
        configuration="",
    )


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (1280, 720, [(1280, 720), (854, 480), (426, 240)]),
        (854, 480, [(854, 480), (428, 240), (256, 144)]),
        (1920, 1080, [(1920, 1080), (1280, 720), (854, 480), (426, 240)]),
        (1080, 1920, [(1080, 1920), (720, 1280), (480, 854), (240, 426)]),
        (640, 360, [(640, 360), (426, 240), (256, 144)]),
        (960, 540, [(960, 540), (640, 360), (426, 240)]),
        (512, 288, [(512, 288), (256, 144)]),
        (320, 240, [(320, 240), (160, 120)]),
        (160, 90, [(160, 90)]),
        (33, 17, [(32, 16)]),
    ],
)
def test_well_known_sizes(width: int, height: int, sizes: list[tuple[int, int]]) -> None:
    assert [(rung.width, rung.height) for rung in build_ladder(video(width, height))] == sizes


@given(st.integers(2, 8000), st.integers(2, 8000), st.sampled_from([0, 90, 180, 270]))
def test_any_source_has_rungs_that_fit(width: int, height: int, rotation: int) -> None:
    source = video(width, height, rotation)
    rungs = build_ladder(source)
    shown = source.shown_size
    assert 1 <= len(rungs) <= 4
    assert len(rungs) >= 2 or min(shown) < 130
    assert len(rungs) >= 3 or min(shown) < 360
    assert len({rung.name for rung in rungs}) == len(rungs)
    assert [rung.lines for rung in rungs] == sorted((rung.lines for rung in rungs), reverse=True)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= shown[0]
        assert rung.height <= shown[1]
        if rung.lines >= 100 and max(shown) < 4 * min(shown):
            assert rung.width / rung.height == pytest.approx(shown[0] / shown[1], rel=0.03)


def test_fast_pictures_get_more_bits() -> None:
    slow, fast = build_ladder(video(1280, 720))[0], build_ladder(video(1280, 720, rate=60))[0]
    assert fast.cap_kbps > slow.cap_kbps


@pytest.mark.parametrize(
    ("channels", "rate", "kept"),
    [(1, 44_100, (1, 44_100)), (2, 48_000, (2, 48_000)), (6, 96_000, (2, 48_000)), (2, 8_000, (2, 48_000))],
)
def test_sound_becomes_what_every_player_takes(channels: int, rate: int, kept: tuple[int, int]) -> None:
    aac, opus = build_audio_ladder(Audio(1, "any", channels, rate, 0.0, Fraction(1, rate), ""))
    assert (aac.channels, aac.sample_rate) == kept
    assert (opus.channels, opus.sample_rate) == (kept[0], 48_000)
