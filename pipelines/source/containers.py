"""What a file's outermost structure says of its own length, read without ffmpeg.

ISO base media (ISO/IEC 14496-12, 4.2: boxes), Matroska (RFC 8794: EBML elements), RIFF. A demuxer shows what is left of
a file that was cut off; only the sizes written in front tell that something is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

BOX_HEADER_BYTES = 16
ISO_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot"}
STILL_BRANDS = {b"avif", b"heic", b"heix", b"mif1", b"heim"}
EBML_MAGIC = b"\x1a\x45\xdf\xa3"
SEGMENT_ID = b"\x18\x53\x80\x67"
MEDIA_BOXES = {b"mdat", b"moov", b"moof"}


@dataclass(frozen=True)
class Structure:
    """What the outermost sizes say.

    `family`: "iso", "matroska", "riff" or None. `missing_bytes`: how much the file lacks by its own account.
    `indexed`: whether the index that every reader needs is there. `still`: a picture format in a video's container.
    """

    family: str | None
    missing_bytes: int = 0
    indexed: bool = True
    still: bool = False


def structure(path: Path) -> Structure:
    """Read the outermost sizes of a file; one that is none of the three families has no account to check."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(BOX_HEADER_BYTES)
        if head[4:8] in ISO_FIRST:
            return _iso(file, size)
        if head[:4] == EBML_MAGIC:
            return _matroska(file, size)
        if head[:4] == b"RIFF":
            return _riff(head, size)
    return Structure(None)


def _iso(file: IO[bytes], size: int) -> Structure:
    position, missing, seen, still = 0, 0, set(), False
    while position + 8 <= size:
        file.seek(position)
        header = file.read(BOX_HEADER_BYTES)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            break
        seen.add(kind)
        if kind == b"ftyp":
            still = header[8:12] in STILL_BRANDS
        if position + length > size and kind in MEDIA_BOXES:
            missing = position + length - size
        position += length
    return Structure("iso", missing, indexed=b"moov" in seen, still=still)


def _matroska(file: IO[bytes], size: int) -> Structure:
    """The header element, then the segment, whose size may be unknown (all ones: a live recording)."""
    position = 4
    length, width, _ = _vint(file, position)
    position += width + length
    file.seek(position)
    if file.read(4) != SEGMENT_ID:
        return Structure("matroska", indexed=position + 4 <= size)
    length, width, unknown = _vint(file, position + 4)
    missing = 0 if unknown else max(0, position + 4 + width + length - size)
    return Structure("matroska", missing)


def _vint(file: IO[bytes], position: int) -> tuple[int, int, bool]:
    """Value, width in bytes, and whether the size is the reserved one for "unknown" (RFC 8794, 4 and 6.2)."""
    file.seek(position)
    data = file.read(8)
    if not data or not data[0]:
        return 0, 1, True
    width = 9 - data[0].bit_length()
    ones = (1 << (7 * width)) - 1
    value = int.from_bytes(data[:width], "big") & ones
    return value, width, value == ones


def _riff(head: bytes, size: int) -> Structure:
    """A writer that could not go back leaves 0 or all ones; one byte of padding is often not written."""
    declared = int.from_bytes(head[4:8], "little")
    if declared in (0, 0xFFFFFFFF):
        return Structure("riff")
    missing = declared + 8 - size
    return Structure("riff", missing if missing > 1 else 0, still=head[8:12] == b"WEBP")
