"""Encoding ladder of a source: codecs, sizes and bitrate caps. docs/adr/0006-ladder.md has the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipelines.source.source import Audio, Video

GOP_S = 2
"""Target key frame interval; GOPs divide a chunk evenly, at the same pictures on every rung."""

CODECS = ("h264", "hevc", "vp9", "av1")
"""Video codecs, in manifest order: the one that every player supports comes first."""

DEFAULT_CODECS = ("h264",)
"""Supported by every player."""

INGEST_CODECS = ("h264", "av1")
"""What the ingest DAG encodes for every video."""

CAPS_KBPS = {2160: 16_000, 1440: 9_000, 1080: 5_500, 720: 3_000, 480: 1_400, 360: 800, 240: 400, 144: 200}
"""Bitrate cap by lines, for up to 30 pictures per second (near Apple's HLS authoring specification, H.264)."""

CAP_SHARES = {"h264": Fraction(1), "hevc": Fraction(7, 10), "vp9": Fraction(7, 10), "av1": Fraction(3, 5)}
"""Share of H.264's bits that a codec needs for the same quality, about."""

STANDARD_LINES = (2160, 1440, 1080, 720, 480, 360, 240)
MOST_RUNGS = 4
FEWEST_RUNGS = 3
SMALL_LINES = 144
"""An additional rung for sources of at least 360 lines that would have fewer than three."""

LARGEST_SMALL = 360
NEAR_STANDARD = Fraction(9, 10)
"""If the largest standard size is less than this share of the source's lines, the source's own size is the top rung."""

LARGEST_STEP = Fraction(7, 10)
"""Largest ratio of a rung's lines to those of the rung above it; a closer one would add little."""

SMALLEST_LINES = 64
FAST_RATE = 30
FAST_FACTOR = Fraction(3, 2)

AUDIO_KBPS = {"aac": {1: 64, 2: 128}, "opus": {1: 48, 2: 96}}
OPUS_RATE = 48_000
"""The only rate of Opus in MP4 (RFC 7845)."""

AUDIO_RATES = (48_000, 44_100)


@dataclass(frozen=True)
class Rung:
    """One codec at one size, in square pixels, upright."""

    codec: str
    width: int
    height: int
    cap_kbps: int

    @property
    def lines(self) -> int:
        """The shorter side, in pixels; the rung is named by it."""
        return min(self.width, self.height)

    @property
    def points(self) -> int:
        """Pixels of one picture."""
        return self.width * self.height

    @property
    def name(self) -> str:
        """Its rendition id."""
        return f"{self.codec}-{self.lines}p"


@dataclass(frozen=True)
class AudioRung:
    """One codec of the sound."""

    codec: str
    channels: int
    sample_rate: int

    @property
    def kbps(self) -> int:
        """Bitrate, in kbit/s."""
        return AUDIO_KBPS[self.codec][self.channels]

    @property
    def name(self) -> str:
        """Its rendition id."""
        return f"{self.codec}-{self.kbps}k"


def build_ladder(video: Video, codecs: Sequence[str] = DEFAULT_CODECS) -> tuple[Rung, ...]:
    """Build the rungs of each codec, largest first: all sizes for H.264, every second one from the top for the others.

    At least two sizes unless half the source's size is too small to be of use; none above the source.
    """
    sizes = _choose_sizes(video)
    return tuple(
        Rung(codec, *size, cap_kbps=_choose_cap_kbps(codec, min(size), video.frame_rate))
        for codec in CODECS
        if codec in codecs
        for size in (sizes if codec == "h264" else sizes[::2])
    )


def build_audio_ladder(audio: Audio) -> tuple[AudioRung, ...]:
    """Build the audio rungs, AAC and Opus: mono stays mono, all else becomes stereo, at widely supported rates."""
    rate = audio.sample_rate if audio.sample_rate in AUDIO_RATES else AUDIO_RATES[0]
    channels = 1 if audio.channels == 1 else 2
    return AudioRung("aac", channels, rate), AudioRung("opus", channels, OPUS_RATE)


def _choose_sizes(video: Video) -> list[tuple[int, int]]:
    width, height = video.shown_size
    short = _round_even(min(width, height))
    lines = [standard for standard in STANDARD_LINES if standard <= short][:1]
    if not lines or lines[0] < short * NEAR_STANDARD:
        lines = [short]
    for standard in STANDARD_LINES:
        if standard <= lines[-1] * LARGEST_STEP:
            lines.append(standard)
    if len(lines) < FEWEST_RUNGS and short >= LARGEST_SMALL:
        lines.append(SMALL_LINES)
    if len(lines) < 2 and short // 2 >= SMALLEST_LINES:
        lines.append(_round_even(short / 2))
    return [_scale_size(width, height, count) for count in lines[:MOST_RUNGS]]


def _scale_size(width: int, height: int, lines: int) -> tuple[int, int]:
    scale = Fraction(lines, min(width, height))
    other = min(round(max(width, height) * scale / 2) * 2, _round_even(max(width, height)))
    return (other, lines) if width >= height else (lines, other)


def _choose_cap_kbps(codec: str, lines: int, frame_rate: Fraction) -> int:
    """The codec's share of the cap of the next larger standard size, more for high frame rates."""
    standard = min((known for known in CAPS_KBPS if known >= lines), default=max(CAPS_KBPS))
    factor = FAST_FACTOR if frame_rate > FAST_RATE else Fraction(1)
    return int(CAPS_KBPS[standard] * CAP_SHARES[codec] * factor)


def _round_even(size: Fraction | float) -> int:
    """Round down to an even size: 4:2:0 needs one, and no rung is above the source."""
    return max(2, int(size) // 2 * 2)
