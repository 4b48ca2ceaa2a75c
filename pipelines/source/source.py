"""Source file before anything is decoded: its container, its video and audio streams. `probe.py` reads it.

Tests: tests/pipelines/source/test_source.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipelines.source.containers import Structure

NO_SOFTWARE_DECODER = frozenset({"av1"})
"""Codecs that `ffmpeg` cannot decode in software, and `ffmpeg-vmaf` can."""


@dataclass(frozen=True)
class Video:
    """The first video stream that is not a cover. Sizes are as stored; `rotation`: clockwise degrees to upright.

    `nal_length_bytes`: size of the length before each H.264 NAL unit (ISO/IEC 14496-15); 0 where there is none.
    `configuration`: digest of all that the container tells a decoder besides the packets (codec, size, colour,
    parameter sets).
    """

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int
    time_base: Fraction
    frame_rate: Fraction
    interlaced: bool
    nal_length_bytes: int
    configuration: str

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in square pixels, upright; never more lines than are stored."""
        width, height = Fraction(self.width), Fraction(self.height)
        width *= self.sample_aspect
        if self.rotation in (90, 270):
            width, height = height, width
        return round(width), round(height)

    @property
    def decoder(self) -> str:
        """The program that decodes it, a name of `media_tools.PROGRAMS`."""
        return "ffmpeg-vmaf" if self.codec in NO_SOFTWARE_DECODER else "ffmpeg"


@dataclass(frozen=True)
class Audio:
    """The first audio stream; `start_s` is on the source's own clock, `configuration` as for `Video`."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    start_s: float
    time_base: Fraction
    configuration: str


@dataclass(frozen=True)
class Source:
    """A file before anything is decoded. At least one of `video` and `audio` is set."""

    path: Path
    size_bytes: int
    formats: tuple[str, ...]
    duration_s: float
    video: Video | None
    audio: Audio | None
    structure: Structure
