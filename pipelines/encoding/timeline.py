"""When each picture of a source is shown: what every rendition must repeat, picture by picture."""

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
"""Ticks of which a picture lasts fewer than this are too coarse to tell a rate by."""

FINEST_TIMESCALE = 10_000
"""Media timescales below this are doubled until they reach it, as ffmpeg's own muxer does."""


@dataclass(frozen=True)
class Timeline:
    """Times of all pictures from the first on, in ticks of `timescale` a second, and the end of the last.

    `step`: every picture lies on a multiple of so many ticks, as the source says but for its rounding, or because its
    own times cannot be used (missing or not rising); None where there is no such grid. `rate`: pictures a second, of
    the grid or on average.
    """

    times: tuple[int, ...]
    end: int
    timescale: int
    step: int | None
    rate: Fraction

    @property
    def duration_s(self) -> float:
        """Length of the picture."""
        return self.end / self.timescale


def build_timeline(whole: ChunkPlan) -> Timeline:
    """The pictures of a source. Raises UnfitSourceError where it has none that decode."""
    parts = build_pieces(whole)
    if parts[0].chunk.pictures is not None:
        times: Sequence[int] = [time for part in parts for time in part.chunk.pictures or ()]
    else:
        times = _decode_times(parts[0])
    if not times:
        raise UnfitSourceError(whole.source.path, Fault(faults.DECODE_ERROR, "no picture can be decoded"))
    grid = find_grid(times, whole.video)
    if grid is None and any(later <= earlier for earlier, later in itertools.pairwise(times)):
        grid = Grid(whole.video.frame_rate, range(len(times)))
    last = whole.end_pts - times[-1] if times[-1] < whole.end_pts else _count_frame_ticks(whole.video)
    if grid is not None:
        scale, step = choose_timescale(1 / grid.rate)
        shown = max(1, round(last * whole.video.time_base * grid.rate)) * step
        moved = tuple(place * step for place in grid.places)
        return Timeline(moved, moved[-1] + shown, scale, step, grid.rate)
    scale, ticks = choose_timescale(whole.video.time_base)
    moved = tuple((time - times[0]) * ticks for time in times)
    return Timeline(moved, moved[-1] + last * ticks, scale, None, whole.video.frame_rate)


@dataclass(frozen=True)
class Grid:
    """Pictures at whole places of a steady rate, the first at place 0."""

    rate: Fraction
    places: Sequence[int]


def find_grid(times: Sequence[int], video: Video) -> Grid | None:
    """The grid on which pictures lie, to the tick of the source, or None.

    Matroska rounds to milliseconds what MP4 writes exactly: both must give the same times, or nothing that was encoded
    for one could be used for the other. Gaps are allowed at well-known rates: a cut without encoding leaves some.
    """
    nearest = sorted(STANDARD_RATES, key=lambda rate: abs(rate - video.frame_rate))
    grids = [
        Grid(rate, places)
        for rate in (*nearest, video.frame_rate)
        if (places := _place_on_grid(times, 1 / (rate * video.time_base))) is not None
    ]
    without_gap = (grid for grid in grids if grid.places[-1] == len(times) - 1)
    well_known = (grid for grid in grids if grid.rate in STANDARD_RATES)
    return next(without_gap, None) or next(well_known, None)


def _place_on_grid(times: Sequence[int], step: Fraction) -> list[int] | None:
    """The whole place nearest to each time, rising; None where one is off by more than a tick."""
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
    """A timescale for MP4 in which the source's times are whole, and how many of its ticks one source tick is."""
    scale, ticks = time_base.denominator, time_base.numerator
    while scale < FINEST_TIMESCALE:
        scale, ticks = scale * 2, ticks * 2
    return scale, ticks


def _count_frame_ticks(video: Video) -> int:
    return max(1, round(1 / (video.frame_rate * video.time_base)))


def _decode_times(piece: Piece) -> tuple[int, ...]:
    """Decode the whole picture to see when each is shown: containers that do not write it, or codecs that hide some."""
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
