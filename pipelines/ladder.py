"""Which renditions a source gets: sizes, caps and encoder settings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pipelines.source import Audio, Video

GOP_S = 2
"""About how far key frames lie apart; chunks are shared out evenly, at the same pictures on every rung."""

CAPS_KBPS = {2160: 16_000, 1440: 9_000, 1080: 5_500, 720: 3_000, 480: 1_400, 360: 800, 240: 400, 144: 200}
"""Highest bitrate by lines, for up to 30 pictures a second (near Apple's HLS authoring specification, H.264)."""

STANDARD_LINES = (2160, 1440, 1080, 720, 480, 240)
MOST_RUNGS = 4
NEAR_STANDARD = Fraction(9, 10)
"""A source with more lines than the next standard rung over this gets a rung of its own size on top."""

LARGEST_STEP = Fraction(4, 5)
"""A standard rung nearer than this below a source of its own size would add nothing."""

SMALLEST_LINES = 64
FAST_RATE = 30
FAST_FACTOR = Fraction(3, 2)
CRF = 23
PRESET = "fast"

AUDIO_KBPS = {1: 64, 2: 128}
AUDIO_RATES = (48_000, 44_100)


@dataclass(frozen=True)
class Rung:
    """One size of the picture, in square pixels, upright. `lines`: the shorter side, by which it is named."""

    width: int
    height: int
    cap_kbps: int

    @property
    def lines(self) -> int:
        """The shorter side, in pixels."""
        return min(self.width, self.height)

    @property
    def name(self) -> str:
        """Its rendition id."""
        return f"h264-{self.lines}p"


@dataclass(frozen=True)
class Voice:
    """The sound's rendition."""

    channels: int
    sample_rate: int

    @property
    def kbps(self) -> int:
        """Bitrate, in thousands of bits a second."""
        return AUDIO_KBPS[self.channels]

    @property
    def name(self) -> str:
        """Its rendition id."""
        return f"aac-{self.kbps}k"


def ladder(video: Video) -> tuple[Rung, ...]:
    """H.264 rungs, largest first: at least two where half the source's size still shows something, none above it."""
    width, height = video.shown_size
    short = _even(min(width, height))
    lines = [standard for standard in STANDARD_LINES if standard <= short]
    if not lines or lines[0] < short * NEAR_STANDARD:
        lines = [short, *(standard for standard in lines if standard <= short * LARGEST_STEP)]
    if len(lines) < 2 and short // 2 >= SMALLEST_LINES:
        lines.append(_even(short / 2))
    return tuple(_rung(video, width, height, count) for count in lines[:MOST_RUNGS])


def voice(audio: Audio) -> Voice:
    """Mono stays mono, all else becomes stereo, at a rate that every player takes."""
    rate = audio.sample_rate if audio.sample_rate in AUDIO_RATES else AUDIO_RATES[0]
    return Voice(1 if audio.channels == 1 else 2, rate)


def _rung(video: Video, width: int, height: int, lines: int) -> Rung:
    scale = Fraction(lines, min(width, height))
    other = min(round(max(width, height) * scale / 2) * 2, _even(max(width, height)))
    size = (other, lines) if width >= height else (lines, other)
    return Rung(*size, cap_kbps=_cap(lines, video.frame_rate))


def _cap(lines: int, frame_rate: Fraction) -> int:
    """The cap of the next standard size up, more for fast pictures."""
    standard = min((known for known in CAPS_KBPS if known >= lines), default=max(CAPS_KBPS))
    factor = FAST_FACTOR if frame_rate > FAST_RATE else Fraction(1)
    return int(CAPS_KBPS[standard] * factor)


def _even(size: Fraction | float) -> int:
    """4:2:0 needs even sizes; down, so that no rung is above the source."""
    return max(2, int(size) // 2 * 2)
