"""NAL check: H.264 packets with bytes that no encoder writes, damage that a decoder often does not notice.

An arithmetic decoder decodes any bits, so a zeroed block in the middle of a slice often gives a picture. But the byte
sequences 00 00 00, 00 00 01 and 00 00 02 never occur inside a unit (H.264, 7.4.1: emulation prevention), the
lengths in front of the units fill the packet exactly (ISO/IEC 14496-15, 4.3), and a unit's first bit is zero (7.3.1).
"""

from __future__ import annotations

from pipelines.source.chunk_plan import PacketPlace
from pipelines.source.cutting import Piece

FORBIDDEN = (b"\0\0\0", b"\0\0\1", b"\0\0\2")
SLICES = range(1, 6)
"""Unit types that carry pictures. Other units are not checked: some tools write them carelessly."""

WRITES_POSITIONS = "mov"
"""The demuxer whose packet positions are those of the payload itself."""


def find_illegal_packets(piece: Piece) -> list[list[PacketPlace]]:
    """Find packets that cannot be as an encoder wrote them, in runs; none if the container does not allow the check."""
    width = piece.video.nal_length_bytes
    if not width or WRITES_POSITIONS not in piece.source.formats:
        return []
    runs: list[list[PacketPlace]] = [[]]
    with piece.source.path.open("rb") as file:
        for place in piece.chunk.places:
            file.seek(place.position)
            if not is_legal(file.read(place.size), width):
                runs[-1].append(place)
            elif runs[-1]:
                runs.append([])
    return [run for run in runs if run]


def is_legal(packet: bytes, length_bytes: int) -> bool:
    """Whether a packet is a valid sequence of H.264 units, each after its length of `length_bytes`."""
    position = 0
    while position < len(packet):
        length = int.from_bytes(packet[position : position + length_bytes], "big")
        unit = packet[position + length_bytes : position + length_bytes + length]
        if not length or len(unit) < length or unit[0] & 0x80:
            return False
        # Zeros after a unit are padding that some tools write.
        if unit[0] & 0x1F in SLICES and any(run in unit.rstrip(b"\0") for run in FORBIDDEN):
            return False
        position += length_bytes + length
    return True
