"""Chunk plan: the spans of a source that can be decoded independently and exactly.

A chunk starts at a clean key frame: decoding can begin there, every picture decoded before it is shown before it, and
every picture decoded after it is shown after it (a closed GOP). The plan depends on the source alone, never on the
number of workers, so neither do faults and encoded bytes.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipelines import media_tools
from pipelines.source import faults
from pipelines.source.content_key import digest_packets
from pipelines.source.faults import Fault, UnfitSourceError
from pipelines.source.packets import Packet, read_packets
from pipelines.source.source import Source, Video

TARGET_S = 8
"""Long enough that ffmpeg's start and the encoder's look-ahead cost little; short enough to spread over workers."""

SHORTEST_LAST_S = 4

EXACT_SEEKING = frozenset({"mov", "matroska"})
"""Containers in which a seek lands exactly on the requested packet; a source in any other is one chunk."""

ONE_PICTURE_A_PACKET = frozenset({"h264", "hevc", "vvc", "vp9", "av1", "prores", "mjpeg", "dnxhd", "ffv1"})
"""Codecs with one picture per packet. VP8 hides pictures, MPEG-4 packs them, MPEG-2 splits them into fields."""

INSTANT_REFRESH_NALS = {"h264": "5", "hevc": "16-21"}
"""NAL unit types that reset the decoder (H.264 table 7-1, H.265 table 7-1): with intra refresh, packets are flagged as
key frames that do not."""


@dataclass(frozen=True, slots=True)
class PacketPlace:
    """One packet's byte position and size in the file, and its picture's presentation time in ticks."""

    pts: int
    position: int
    size: int


@dataclass(frozen=True)
class Chunk:
    """One span of the video, [start_pts, end_pts) in ticks.

    `pictures`: presentation times of all its pictures in order, or None if only a decoder can tell.
    `origin`: the lowest time of its packets; it is before `start_pts` where an edit list hides pictures.
    `places`: its packets in the file, in decoding order, as far as known.
    `content`: digest of its packets' bytes and presentation order, independent of their position.
    """

    index: int
    start_pts: int
    end_pts: int
    origin: int
    byte_start: int | None
    byte_end: int | None
    pictures: tuple[int, ...] | None
    places: tuple[PacketPlace, ...]
    content: str


@dataclass(frozen=True)
class ChunkPlan:
    """All chunks of one source, in order."""

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
        """Presentation time relative to the first picture, in seconds."""
        return float((pts - self.first_pts) * self.video.time_base)


def plan_chunks(source: Source) -> ChunkPlan:
    """Plan the chunks of a source with a video stream. Raises UnfitSourceError if that stream has no packets."""
    if source.video is None:
        raise ValueError(f"{source.path.name} has no video stream")
    packets = read_packets(source)
    if not packets:
        fault = Fault(faults.NOT_A_VIDEO, "the file declares a video stream, but has no pictures")
        raise UnfitSourceError(source.path, fault)
    seekable = bool(EXACT_SEEKING.intersection(source.formats))
    if not _packets_tell_pictures(source.video, seekable, packets):
        return ChunkPlan(source, source.video, (_build_only_chunk(source.video, packets),))
    starts = _choose_starts(source, source.video, packets) if seekable else [_find_first_shown(packets)]
    return ChunkPlan(source, source.video, tuple(_build_chunks(source.video, packets, starts)))


def _packets_tell_pictures(video: Video, seekable: bool, packets: Sequence[Packet]) -> bool:
    """Whether the packets alone tell which pictures are shown, and when."""
    times = [packet.pts for packet in packets if packet.pts is not None]
    shown = [packet.pts for packet in packets if packet.pts is not None and not packet.discard]
    return (
        video.codec in ONE_PICTURE_A_PACKET
        and (seekable or not video.interlaced)  # elsewhere a packet may be one field of two
        and len(times) == len(packets) == len(set(times))
        and bool(shown)
        and packets[0].key
        and times[0] == min(times)  # no pictures lead the first key frame: decoders differ on showing them
        and max((packet.pts or 0 for packet in packets if packet.discard), default=-math.inf) < min(shown)
    )


def _build_only_chunk(video: Video, packets: Sequence[Packet]) -> Chunk:
    times = [
        time
        for packet in packets
        if (time := packet.pts if packet.pts is not None else packet.dts) is not None
    ]
    start = min(times, default=0)
    last = max(times, default=(len(packets) - 1) * _count_frame_ticks(video))
    end = last + _measure_last_duration(video, packets)
    content = digest_packets(packets)
    return Chunk(0, start, end, start, *_find_byte_range(packets), pictures=None, places=(), content=content)


def _choose_starts(source: Source, video: Video, packets: Sequence[Packet]) -> list[int]:
    """Choose where chunks start: at the first picture, then at clean key frames at least TARGET_S apart."""
    shown = _find_first_shown(packets)
    end = max(packet.pts for packet in packets if packet.pts is not None)
    clean = [time for time in find_clean_key_times(packets) if time > shown]
    if not clean:
        return [shown]
    resets = _read_reset_times(source, video)
    starts = [shown]
    for time in clean:
        long_enough = (time - starts[-1]) * video.time_base >= TARGET_S
        rest_is_a_chunk = (end - time) * video.time_base >= SHORTEST_LAST_S
        if long_enough and rest_is_a_chunk and (resets is None or time in resets):
            starts.append(time)
    return starts


def _find_first_shown(packets: Sequence[Packet]) -> int:
    return min(packet.pts for packet in packets if packet.pts is not None and not packet.discard)


def find_clean_key_times(packets: Sequence[Packet]) -> list[int]:
    """Times of key frames that split decoding order and presentation order at the same point."""
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


def _read_reset_times(source: Source, video: Video) -> frozenset[int] | None:
    """Times of packets whose picture resets the decoder; None if the codec's key flags are reliable."""
    kinds = INSTANT_REFRESH_NALS.get(video.codec)
    if kinds is None:
        return None
    filtered = media_tools.source_input(source.path, copyts=None)[str(video.index)].output(
        "pipe:1", format="framecrc", codec="copy", bsf=f"filter_units=pass_types={kinds}"
    )
    listed = media_tools.check(media_tools.ffmpeg_command(filtered, video.decoder)).decode()
    lines = [line.split(",") for line in listed.splitlines() if not line.startswith("#")]
    return frozenset(int(fields[2]) for fields in lines)


def _build_chunks(video: Video, packets: Sequence[Packet], starts: Sequence[int]) -> list[Chunk]:
    """Assign packets to spans by time: the packets of different chunks are never interleaved."""
    ends = [*starts[1:], max(packet.pts or 0 for packet in packets) + _measure_last_duration(video, packets)]
    inside: list[list[Packet]] = [[] for _ in starts]
    for packet in packets:
        inside[max(0, bisect.bisect_right(starts, packet.pts or 0) - 1)].append(packet)
    return [
        Chunk(
            index,
            start,
            end,
            min(packet.pts or 0 for packet in inside[index]),
            *_find_byte_range(inside[index]),
            pictures=tuple(sorted(packet.pts or 0 for packet in inside[index] if not packet.discard)),
            places=_list_places(inside[index]),
            content=digest_packets(inside[index]),
        )
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _find_byte_range(packets: Sequence[Packet]) -> tuple[int | None, int | None]:
    spans = [
        (packet.position, packet.position + packet.size) for packet in packets if packet.position is not None
    ]
    if len(spans) < len(packets):
        return None, None
    return min(start for start, _ in spans), max(end for _, end in spans)


def _list_places(packets: Sequence[Packet]) -> tuple[PacketPlace, ...]:
    return tuple(
        PacketPlace(packet.pts, packet.position, packet.size)
        for packet in packets
        if packet.pts is not None and packet.position is not None
    )


def _measure_last_duration(video: Video, packets: Sequence[Packet]) -> int:
    """Duration of the last picture, in ticks: as written, or one frame at the average rate."""
    last = max(packets, key=lambda packet: packet.pts if packet.pts is not None else -math.inf)
    return last.duration or _count_frame_ticks(video)


def _count_frame_ticks(video: Video) -> int:
    return max(1, round(1 / (video.frame_rate * video.time_base)))


def format_seek(pts: int, time_base: Fraction) -> str:
    """Format a time for ffmpeg's `-ss`: in microseconds, rounded up so that the key frame is never before it."""
    return f"{math.ceil(pts * time_base * 1_000_000) / 1_000_000:.6f}"
