"""When each picture of a source is shown: what every rendition must repeat, picture by picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipelines import faults, media_tools
from pipelines.chunk_plan import Plan
from pipelines.cutting import Piece, decoding, pieces
from pipelines.decode_check import read_times
from pipelines.faults import Fault, UnfitSourceError
from pipelines.source import Video
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

    `step`: pictures follow each other every so many ticks, as the source says but for its rounding, or because its own
    times cannot be used (missing or not rising); None where they follow unevenly. `rate`: pictures a second.
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


def timeline(whole: Plan) -> Timeline:
    """The pictures of a source. Raises UnfitSourceError where it has none that decode."""
    parts = pieces(whole)
    if parts[0].chunk.pictures is not None:
        times: Sequence[int] = [time for part in parts for time in part.chunk.pictures or ()]
    else:
        times = _listed(parts[0])
    if not times:
        raise UnfitSourceError(whole.source.path, Fault(faults.DECODE_ERROR, "no picture can be decoded"))
    rate = even_rate(times, whole.video)
    if rate is None and any(later <= earlier for earlier, later in itertools.pairwise(times)):
        rate = whole.video.frame_rate
    if rate is not None:
        return _even(rate, len(times))
    scale, ticks = media_timescale(whole.video.time_base)
    last = max(1, whole.end_pts - times[-1]) if times[-1] < whole.end_pts else _frame_ticks(whole.video)
    moved = tuple((time - times[0]) * ticks for time in times)
    return Timeline(moved, moved[-1] + last * ticks, scale, None, whole.video.frame_rate)


def even_rate(times: Sequence[int], video: Video) -> Fraction | None:
    """The rate at which pictures follow evenly, to the tick of the source, or None.

    Matroska rounds to milliseconds what MP4 writes exactly: both must give the same times, or nothing that was encoded
    for one could be used for the other.
    """
    nearest = sorted(STANDARD_RATES, key=lambda rate: abs(rate - video.frame_rate))
    for rate in (*nearest, video.frame_rate):
        step = 1 / (rate * video.time_base)
        allowed = 1 if step >= COARSE else 0
        if all(abs(time - times[0] - number * step) <= allowed for number, time in _far_first(times)):
            return rate
    return None


def _far_first(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The last one first: a wrong rate is furthest off there."""
    yield len(times) - 1, times[-1]
    yield from enumerate(times)


def media_timescale(time_base: Fraction) -> tuple[int, int]:
    """A timescale for MP4 in which the source's times are whole, and how many of its ticks one source tick is."""
    scale, ticks = time_base.denominator, time_base.numerator
    while scale < FINEST_TIMESCALE:
        scale, ticks = scale * 2, ticks * 2
    return scale, ticks


def _even(rate: Fraction, pictures: int) -> Timeline:
    scale, ticks = media_timescale(1 / rate)
    return Timeline(tuple(range(0, pictures * ticks, ticks)), pictures * ticks, scale, ticks, rate)


def _frame_ticks(video: Video) -> int:
    return max(1, round(1 / (video.frame_rate * video.time_base)))


def _listed(piece: Piece) -> tuple[int, ...]:
    """Decode the whole picture to see when each is shown: containers that do not write it, or codecs that hide some."""
    with media().staging() as folder:
        listing: Path = folder / "times"
        stream = decoding(piece, piece.source.path, strict=False)
        output = stream.output(
            "pipe:1",
            format="null",
            fps_mode="passthrough",
            enc_time_base="demux",
            **{"stats_enc_pre:v": str(listing), "stats_enc_pre_fmt:v": "{pts} {tb}"},
        )
        media_tools.check(media_tools.ffmpeg_command(output, piece.video.decoder))
        return read_times(listing, piece)
