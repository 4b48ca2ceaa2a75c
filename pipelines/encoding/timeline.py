"""Timeline of a source: the presentation time of every picture, which every rendition must reproduce."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipelines import media_tools
from pipelines.inspection.decode_check import parse_times
from pipelines.source import faults
from pipelines.source.chunk_plan import ChunkPlan
from pipelines.source.cutting import Piece, build_pieces, decode_pictures
from pipelines.source.faults import Fault, UnfitSourceError
from pipelines.source.source import Video
from stores.media import media

STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("24", "24000/1001", "25", "30", "30000/1001", "50", "60", "60000/1001", "120", "15", "12")
)
COARSE = 4
"""Fewest ticks per picture at which times still tell the rate."""

FINEST_TIMESCALE = 10_000
"""Media timescales below this are doubled until they reach it, as ffmpeg's muxer does."""


@dataclass(frozen=True)
class Timeline:
    """Times of all pictures relative to the first, and the end of the last, in ticks of `timescale` per second.

    `step`: every time is a multiple of so many ticks, because the source's times are so up to rounding, or because they
    cannot be used (missing or not increasing); None if there is no such grid. `rate`: pictures per second, of the grid
    or on average.
    """

    times: tuple[int, ...]
    end: int
    timescale: int
    step: int | None
    rate: Fraction

    @property
    def duration_s(self) -> float:
        """Length of the video, in seconds."""
        return self.end / self.timescale


def build_timeline(plan: ChunkPlan) -> Timeline:
    """Build the timeline of a source. Raises UnfitSourceError if none of its pictures decode."""
    parts = build_pieces(plan)
    if parts[0].chunk.pictures is not None:
        times: Sequence[int] = [time for part in parts for time in part.chunk.pictures or ()]
    else:
        times = _decode_times(parts[0])
    if not times:
        raise UnfitSourceError(plan.source.path, Fault(faults.DECODE_ERROR, "no picture can be decoded"))
    grid = find_grid(times, plan.video)
    if grid is None and any(later <= earlier for earlier, later in itertools.pairwise(times)):
        grid = Grid(plan.video.frame_rate, range(len(times)))
    last = plan.end_pts - times[-1] if times[-1] < plan.end_pts else _count_frame_ticks(plan.video)
    if grid is not None:
        scale, step = choose_timescale(1 / grid.rate)
        shown = max(1, round(last * plan.video.time_base * grid.rate)) * step
        on_grid = tuple(place * step for place in grid.places)
        return Timeline(on_grid, on_grid[-1] + shown, scale, step, grid.rate)
    scale, ticks = choose_timescale(plan.video.time_base)
    shifted = tuple((time - times[0]) * ticks for time in times)
    return Timeline(shifted, shifted[-1] + last * ticks, scale, None, plan.video.frame_rate)


@dataclass(frozen=True)
class Grid:
    """Pictures at whole positions of a constant rate, the first at position 0."""

    rate: Fraction
    places: Sequence[int]


def find_grid(times: Sequence[int], video: Video) -> Grid | None:
    """Find the grid that the times lie on, to within a tick of the source, or None.

    Matroska rounds to milliseconds what MP4 writes exactly: both must give the same times, or no result that was
    encoded for one could be reused for the other. Gaps are allowed at standard rates: a cut without encoding leaves
    some.
    """
    nearest = sorted(STANDARD_RATES, key=lambda rate: abs(rate - video.frame_rate))
    grids = [
        Grid(rate, places)
        for rate in (*nearest, video.frame_rate)
        if (places := _place_on_grid(times, 1 / (rate * video.time_base))) is not None
    ]
    without_gap = (grid for grid in grids if grid.places[-1] == len(times) - 1)
    standard = (grid for grid in grids if grid.rate in STANDARD_RATES)
    return next(without_gap, None) or next(standard, None)


def _place_on_grid(times: Sequence[int], step: Fraction) -> list[int] | None:
    """The position nearest to each time, increasing; None if one is off by more than a tick."""
    if step < COARSE and step.denominator != 1:
        return None
    length, parts = step.numerator, step.denominator
    allowed = parts if step >= COARSE else 0
    places: list[int] = []
    for time in times:
        ahead = (time - times[0]) * parts
        place = (2 * ahead + length) // (2 * length)
        if abs(ahead - place * length) > allowed or (places and place <= places[-1]):
            return None
        places.append(place)
    return places


def choose_timescale(time_base: Fraction) -> tuple[int, int]:
    """Choose an MP4 timescale in which the source's times are whole; returns it and its ticks per source tick."""
    scale, ticks = time_base.denominator, time_base.numerator
    while scale < FINEST_TIMESCALE:
        scale, ticks = scale * 2, ticks * 2
    return scale, ticks


def _count_frame_ticks(video: Video) -> int:
    return max(1, round(1 / (video.frame_rate * video.time_base)))


def _decode_times(piece: Piece) -> tuple[int, ...]:
    """Decode the whole video for its times: for containers without them, and codecs that hide pictures."""
    with media().staging() as folder:
        listing: Path = folder / "times"
        stream = decode_pictures(piece, piece.source.path, strict=False)
        output = stream.output(
            "pipe:1",
            format="null",
            fps_mode="passthrough",
            enc_time_base="demux",
            **{"stats_enc_pre:v": str(listing), "stats_enc_pre_fmt:v": "{pts} {tb}"},
        )
        media_tools.check(media_tools.ffmpeg_command(output, piece.video.decoder))
        return parse_times(listing, piece)
