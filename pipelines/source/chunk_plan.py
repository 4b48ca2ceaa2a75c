"""Where a source is cut into chunks that can be decoded apart from each other, exactly.

A chunk starts at a clean key frame: decoding can begin there, every picture decoded before it is shown before it, and
every one decoded after it is shown after it (a closed GOP). The plan depends on the source alone, never on how many
workers there are, so that neither faults nor encoded bytes do.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipelines import media_tools
from pipelines.source import faults
from pipelines.source.content_key import packet_content
from pipelines.source.faults import Fault, UnfitSourceError
from pipelines.source.source import Packet, Source, Video, read_packets

TARGET_S = 8
"""Long enough that starting ffmpeg and the encoder's look-ahead cost little; short enough to share among workers."""

SHORTEST_LAST_S = 4

EXACT_SEEKING = frozenset({"mov", "matroska"})
"""Containers in which a seek lands on the packet that was asked for; others are one chunk."""

ONE_PICTURE_A_PACKET = frozenset({"h264", "hevc", "vvc", "vp9", "av1", "prores", "mjpeg", "dnxhd", "ffv1"})
"""Codecs whose packets each give one picture. VP8 hides pictures, MPEG-4 packs them, MPEG-2 splits them in fields."""

INSTANT_REFRESH_NALS = {"h264": "5", "hevc": "16-21"}
"""NAL unit types that really reset the decoder (H.264 table 7-1, H.265 table 7-1): with intra refresh a packet may be
marked as key and not be one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one packet lies in the file, and when its picture is shown, in ticks."""

    pts: int
    position: int
    size: int


@dataclass(frozen=True)
class Chunk:
    """One span of the picture, [start_pts, end_pts) in ticks.

    `pictures`: presentation times of all its pictures in order, or None where only a decoder can tell.
    `origin`: the lowest time of its packets, which lies before `start_pts` where an edit list hides pictures.
    `places`: its packets in the file, in decoding order, as far as that is known.
    `content`: a digest of what its packets hold and in which order they are shown, wherever they lie.
    """

    index: int
    start_pts: int
    end_pts: int
    origin: int
    byte_start: int | None
    byte_end: int | None
    pictures: tuple[int, ...] | None
    places: tuple[Place, ...]
    content: str


@dataclass(frozen=True)
class Plan:
    """All chunks of one source, in order. `first_pts` is the time of the first picture."""

    source: Source
    video: Video
    chunks: tuple[Chunk, ...]

    @property
    def first_pts(self) -> int:
        """Time of the first picture, in ticks of the source."""
        return self.chunks[0].start_pts

    @property
    def end_pts(self) -> int:
        """End of the last picture, in ticks of the source."""
        return self.chunks[-1].end_pts

    def seconds(self, pts: int) -> float:
        """Presentation time from the first picture on, in seconds."""
        return float((pts - self.first_pts) * self.video.time_base)


def plan(source: Source) -> Plan:
    """The plan of a source that has pictures. Raises UnfitSourceError where its picture has no packets at all."""
    if source.video is None:
        raise ValueError(f"{source.path.name} has no picture to plan")
    packets = read_packets(source)
    if not packets:
        fault = Fault(faults.NOT_A_VIDEO, "the file declares a picture and holds none of it")
        raise UnfitSourceError(source.path, fault)
    seekable = bool(EXACT_SEEKING.intersection(source.formats))
    if not _exact(source.video, seekable, packets):
        return Plan(source, source.video, (_whole(source.video, packets),))
    starts = _starts(source, source.video, packets) if seekable else [_first_shown(packets)]
    return Plan(source, source.video, tuple(_chunks(source.video, packets, starts)))


def _exact(video: Video, seekable: bool, packets: Sequence[Packet]) -> bool:
    """Whether the packets alone tell which pictures will be shown, and when."""
    times = [packet.pts for packet in packets if packet.pts is not None]
    shown = [packet.pts for packet in packets if packet.pts is not None and not packet.discard]
    return (
        video.codec in ONE_PICTURE_A_PACKET
        and (seekable or not video.interlaced)  # elsewhere a packet may be one field of two
        and len(times) == len(packets) == len(set(times))
        and bool(shown)
        and packets[0].key
        and times[0] == min(times)  # nothing leads the first key frame, which a decoder may or may not show
        and max((packet.pts or 0 for packet in packets if packet.discard), default=-math.inf) < min(shown)
    )


def _whole(video: Video, packets: Sequence[Packet]) -> Chunk:
    times = [
        time
        for packet in packets
        if (time := packet.pts if packet.pts is not None else packet.dts) is not None
    ]
    start = min(times, default=0)
    last = max(times, default=(len(packets) - 1) * _frame_ticks(video))
    end = last + _last_duration(video, packets)
    content = packet_content(packets)
    return Chunk(0, start, end, start, *_bytes(packets), pictures=None, places=(), content=content)


def _starts(source: Source, video: Video, packets: Sequence[Packet]) -> list[int]:
    """Times at which chunks start: the first picture, then clean key frames at least TARGET_S apart."""
    shown = _first_shown(packets)
    end = max(packet.pts for packet in packets if packet.pts is not None)
    clean = [time for time in clean_key_times(packets) if time > shown]
    if not clean:
        return [shown]
    resets = _reset_times(source, video)
    starts = [shown]
    for time in clean:
        long_enough = (time - starts[-1]) * video.time_base >= TARGET_S
        rest_is_a_chunk = (end - time) * video.time_base >= SHORTEST_LAST_S
        if long_enough and rest_is_a_chunk and (resets is None or time in resets):
            starts.append(time)
    return starts


def _first_shown(packets: Sequence[Packet]) -> int:
    return min(packet.pts for packet in packets if packet.pts is not None and not packet.discard)


def clean_key_times(packets: Sequence[Packet]) -> list[int]:
    """Times of key frames that split decoding order and showing order at the same place."""
    times = [packet.pts or 0 for packet in packets]
    earliest_after: list[float] = [math.inf] * (len(times) + 1)
    for place in range(len(times) - 1, -1, -1):
        earliest_after[place] = min(times[place], earliest_after[place + 1])
    clean, latest_before = [], -math.inf
    for place, packet in enumerate(packets):
        if packet.key and latest_before < times[place] <= earliest_after[place]:
            clean.append(times[place])
        latest_before = max(latest_before, times[place])
    return clean


def _reset_times(source: Source, video: Video) -> frozenset[int] | None:
    """Times of the packets that hold a picture which resets the decoder; None where the codec marks keys rightly."""
    kinds = INSTANT_REFRESH_NALS.get(video.codec)
    if kinds is None:
        return None
    filtered = media_tools.source_input(source.path, copyts=None)[str(video.index)].output(
        "pipe:1", format="framecrc", codec="copy", bsf=f"filter_units=pass_types={kinds}"
    )
    listed = media_tools.check(media_tools.ffmpeg_command(filtered, video.decoder)).decode()
    lines = [line.split(",") for line in listed.splitlines() if not line.startswith("#")]
    return frozenset(int(fields[2]) for fields in lines)


def _chunks(video: Video, packets: Sequence[Packet], starts: Sequence[int]) -> list[Chunk]:
    """The packets of each span: no packet of one lies among those of another, so their places tell them apart."""
    ends = [*starts[1:], max(packet.pts or 0 for packet in packets) + _last_duration(video, packets)]
    inside: list[list[Packet]] = [[] for _ in starts]
    for packet in packets:
        inside[max(0, bisect.bisect_right(starts, packet.pts or 0) - 1)].append(packet)
    return [
        Chunk(
            index,
            start,
            end,
            min(packet.pts or 0 for packet in inside[index]),
            *_bytes(inside[index]),
            pictures=tuple(sorted(packet.pts or 0 for packet in inside[index] if not packet.discard)),
            places=_places(inside[index]),
            content=packet_content(inside[index]),
        )
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _bytes(packets: Sequence[Packet]) -> tuple[int | None, int | None]:
    spans = [
        (packet.position, packet.position + packet.size) for packet in packets if packet.position is not None
    ]
    if len(spans) < len(packets):
        return None, None
    return min(start for start, _ in spans), max(end for _, end in spans)


def _places(packets: Sequence[Packet]) -> tuple[Place, ...]:
    return tuple(
        Place(packet.pts, packet.position, packet.size)
        for packet in packets
        if packet.pts is not None and packet.position is not None
    )


def _last_duration(video: Video, packets: Sequence[Packet]) -> int:
    """How long the last picture shows, in ticks: as written, or one frame at the average rate."""
    last = max(packets, key=lambda packet: packet.pts if packet.pts is not None else -math.inf)
    return last.duration or _frame_ticks(video)


def _frame_ticks(video: Video) -> int:
    return max(1, round(1 / (video.frame_rate * video.time_base)))


def seek_seconds(pts: int, time_base: Fraction) -> str:
    """A time for ffmpeg's `-ss`: microseconds, rounded up so that the key frame itself is never before it."""
    return f"{math.ceil(pts * time_base * 1_000_000) / 1_000_000:.6f}"
