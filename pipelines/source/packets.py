"""Packets of a stream, as ffprobe lists them: times, place in the file, and a digest of what each holds.

Tests: tests/pipelines/source/test_source.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines import media_tools
from pipelines.source.source import Source

PROBE_TIMEOUT_S = 600.0
CONTENT_HASH = "SHA512/256"
"""Hash that ffprobe computes of each packet: 256 bits, at about twice the speed of SHA-256."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: times in ticks of the stream's time base, `position` in bytes; None where not written.

    `content`: digest of its bytes, hex.
    """

    pts: int | None
    dts: int | None
    duration: int | None
    size: int
    position: int | None
    key: bool
    discard: bool
    content: str


def read_packets(source: Source) -> list[Packet]:
    """Read the video packets in decoding order; an empty list for sound alone. Reads the whole file once."""
    if source.video is None:
        return []
    entries = "packet=pts,dts,duration,size,pos,flags,data_hash"
    command = build_packet_command(source.path, source.video.index, entries)
    _, packets = media_tools.run(command, consume=_parse_packets, timeout_s=PROBE_TIMEOUT_S)
    return packets


def build_packet_command(path: Path, index: int, entries: str) -> list[str]:
    """Build the ffprobe command that lists a stream's packets, one per line: name=value, separated by bars."""
    return [
        *media_tools.source_probe(),
        *("-select_streams", str(index), "-show_data_hash", CONTENT_HASH, "-show_entries", entries),
        *("-of", "compact=p=0", media_tools.file_url(path)),
    ]


def _parse_packets(stdout: IO[bytes]) -> list[Packet]:
    """Parse one packet per line; side data that follow it are ignored."""
    packets = []
    for line in stdout:
        fields = dict(
            field.split("=", 1) for field in line.decode(errors="replace").strip().split("|") if "=" in field
        )
        if "flags" in fields:
            packets.append(_parse_packet(fields))
    return packets


def _parse_packet(fields: dict[str, str]) -> Packet:
    return Packet(
        pts=_parse_int(fields.get("pts")),
        dts=_parse_int(fields.get("dts")),
        duration=_parse_int(fields.get("duration")),
        size=int(fields["size"]),
        position=_parse_int(fields.get("pos")),
        key="K" in fields["flags"],
        discard="D" in fields["flags"],
        content=fields.get("data_hash", "").rpartition(":")[2],
    )


def _parse_int(text: str | None) -> int | None:
    return None if text in (None, "N/A") else int(text)
