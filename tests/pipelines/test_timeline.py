"""Every picture has its time: the source's own, or counted out where the source has none to use."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from pipelines.chunk_plan import plan
from pipelines.source import probe
from pipelines.timeline import media_timescale, timeline
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import decoded

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    "name", ["long.mp4", "vfr.mkv", "edit-list.mp4", "mpeg2.ts", "vp8.webm", "mpeg4.avi", "raw.h264"]
)
def test_times_are_those_that_a_decoder_gives_but_for_rounding(footage: Footage, name: str) -> None:
    found = timeline(plan(probe(footage(name))))
    times = [time for time, _ in decoded(footage(name))]
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
    assert media_timescale(time_base) == scale
    assert Fraction(scale[1], scale[0]) == time_base
