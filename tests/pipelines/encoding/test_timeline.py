"""Timeline: the source's own times, or a regular grid if they cannot be used."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.encoding.timeline import STANDARD_RATES, build_timeline, choose_timescale, find_grid
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.probe import probe
from pipelines.source.source import Video
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import decode

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    "name", ["long.mp4", "vfr.mkv", "edit-list.mp4", "mpeg2.ts", "vp8.webm", "mpeg4.avi", "raw.h264"]
)
def test_times_are_those_that_a_decoder_gives_but_for_rounding(footage: Footage, name: str) -> None:
    found = build_timeline(plan_chunks(probe(footage(name))))
    times = [time for time, _ in decode(footage(name))]
    rounded_s = 0.001 if name.endswith((".mkv", ".webm")) and found.step else 1e-4
    assert [tick / found.timescale for tick in found.times] == pytest.approx(
        [t - times[0] for t in times], abs=rounded_s
    )
    assert all(earlier < later for earlier, later in pairwise((*found.times, found.end)))


@pytest.mark.parametrize(
    ("time_base", "scale"),
    [
        (Fraction(1, 12_288), (12_288, 1)),
        (Fraction(1, 25), (12_800, 512)),
        (Fraction(1001, 30_000), (30_000, 1001)),
    ],
)
def test_a_tick_of_the_source_is_a_whole_number_of_ticks_of_the_media(
    time_base: Fraction, scale: tuple[int, int]
) -> None:
    assert choose_timescale(time_base) == scale
    assert Fraction(scale[1], scale[0]) == time_base


def stream(rate: Fraction, time_base: Fraction) -> Video:
    return Video(
        0,
        "h264",
        64,
        64,
        Fraction(1),
        0,
        time_base,
        rate,
        interlaced=False,
        nal_length_bytes=4,
        configuration="",
    )


@given(
    st.sampled_from(STANDARD_RATES),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 12_288), Fraction(1, 90_000), Fraction(1, 24_000)]),
    st.integers(0, 10**7),
    st.sets(st.integers(1, 3_000), max_size=5),
    st.integers(1_000, 3_000),
)
def test_rounded_times_of_a_steady_rate_are_found_again_with_their_gaps(
    rate: Fraction, time_base: Fraction, first: int, gaps: set[int], count: int
) -> None:
    places = [place for place in range(count) if place not in gaps]
    times = [first + round(place / rate / time_base) for place in places]
    found = find_grid(times, stream(rate, time_base))
    assert found is not None
    assert (found.rate, list(found.places)) == (rate, places)


def test_uneven_times_are_left_as_they_are() -> None:
    times = [0, 40, 85, 121, 160, 207, 241, 280]
    assert find_grid(times, stream(Fraction(25), Fraction(1, 1000))) is None
