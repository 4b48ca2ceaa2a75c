"""Container structure: the length that a file declares for itself, read without ffmpeg.

ISO base media (ISO/IEC 14496-12, 4.2: boxes), Matroska (RFC 8794: EBML elements), RIFF. A demuxer shows what is left of
a truncated file; only the declared sizes tell that something is missing.
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
    """Top-level structure of a file.

    `family`: "iso", "matroska", "riff" or None. `missing_bytes`: how much shorter the file is than it declares.
    `indexed`: whether the index that every reader needs is present. `still`: a still picture in a video container.
    """

    family: str | None
    missing_bytes: int = 0
    indexed: bool = True
    still: bool = False


def read_structure(path: Path) -> Structure:
    """Read the top-level sizes of a file; one of no known family declares nothing to check."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(BOX_HEADER_BYTES)
        if head[4:8] in ISO_FIRST:
            return _read_iso(file, size)
        if head[:4] == EBML_MAGIC:
            return _read_matroska(file, size)
        if head[:4] == b"RIFF":
            return _read_riff(head, size)
    return Structure(None)


def _read_iso(file: IO[bytes], size: int) -> Structure:
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


def _read_matroska(file: IO[bytes], size: int) -> Structure:
    """Read the header element and the segment, whose size may be unknown (all ones: a live recording)."""
    position = 4
    length, width, _ = _read_vint(file, position)
    position += width + length
    file.seek(position)
    if file.read(4) != SEGMENT_ID:
        return Structure("matroska", indexed=position + 4 <= size)
    length, width, unknown = _read_vint(file, position + 4)
    missing = 0 if unknown else max(0, position + 4 + width + length - size)
    return Structure("matroska", missing)


def _read_vint(file: IO[bytes], position: int) -> tuple[int, int, bool]:
    """Read a variable-length integer: value, width in bytes, whether it means "unknown" (RFC 8794, 4 and 6.2)."""
    file.seek(position)
    data = file.read(8)
    if not data or not data[0]:
        return 0, 1, True
    width = 9 - data[0].bit_length()
    ones = (1 << (7 * width)) - 1
    value = int.from_bytes(data[:width], "big") & ones
    return value, width, value == ones


def _read_riff(head: bytes, size: int) -> Structure:
    """A writer that cannot seek leaves 0 or all ones; the final padding byte is often not written."""
    declared = int.from_bytes(head[4:8], "little")
    if declared in (0, 0xFFFFFFFF):
        return Structure("riff")
    missing = declared + 8 - size
    return Structure("riff", missing if missing > 1 else 0, still=head[8:12] == b"WEBP")
