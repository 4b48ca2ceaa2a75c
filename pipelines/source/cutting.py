"""Cutting: one chunk's packets copied to a file of their own, so that decoding it reads no other packets.

A decoder that reads ahead into the next chunk would find that chunk's faults too, or not, depending on timing. NUT
holds any codec with an exact time base (a multiple of the source's); a chunk's clock starts at its lowest packet time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from pipelines import media_tools
from pipelines.source.chunk_plan import Chunk, ChunkPlan, format_seek
from pipelines.source.source import Source, Video
from schemas.errors import MediaToolError
from stores.media import media

STRICT = "crccheck+bitstream+buffer+explode"
"""`err_detect` flags that make a decoder report damaged data instead of concealing it."""


@dataclass(frozen=True)
class Piece:
    """One chunk with all that decoding it needs. `is_only_chunk`: the chunk is the whole source."""

    source: Source
    video: Video
    chunk: Chunk
    first_pts: int
    is_only_chunk: bool

    @property
    def clock(self) -> int:
        """Offset of the piece's clock, in ticks of the source; 0 for an only chunk, which is decoded in place."""
        return 0 if self.is_only_chunk else self.chunk.origin

    @property
    def without_lists(self) -> Piece:
        """The piece without its lists of pictures and places, to stay small where it is sent to many encoders."""
        pictures = None if self.chunk.pictures is None else ()
        return replace(self, chunk=replace(self.chunk, pictures=pictures, places=()))

    def seconds(self, pts: int) -> float:
        """Presentation time relative to the source's first picture, in seconds."""
        return float((pts - self.first_pts) * self.video.time_base)


def build_pieces(plan: ChunkPlan) -> list[Piece]:
    """Build a piece of each chunk of a plan, for workers that see the same files."""
    is_only = len(plan.chunks) == 1
    return [Piece(plan.source, plan.video, chunk, plan.first_pts, is_only) for chunk in plan.chunks]


@contextmanager
def cut(piece: Piece) -> Iterator[Path]:
    """Cut out a file with the piece's packets, removed after the block; the source itself if it is the only chunk.

    Raises MediaToolError if the packets cannot be read.
    """
    if not piece.source.path.exists():
        raise MediaToolError(f"{piece.source.path} was removed during processing; provide the file again")
    if piece.is_only_chunk:
        yield piece.source.path
        return
    with media().staging() as folder:
        path = folder / "chunk.nut"
        media_tools.check(media_tools.ffmpeg_command(_build_copy(piece, path)))
        yield path


def _build_copy(piece: Piece, path: Path) -> Any:
    """Copy from the key frame on; `-to` stops reading soon after the end, the filter drops packets beyond it."""
    chunk, video = piece.chunk, piece.video
    before = "0" if chunk.index == 0 else f"lt(pts,{chunk.start_pts})"
    seek = (
        {} if chunk.index == 0 else {"ss": format_seek(chunk.start_pts, video.time_base), "seek_timestamp": 1}
    )
    source = media_tools.source_input(
        piece.source.path, copyts=None, noaccurate_seek=None, xerror=None, err_detect="crccheck", **seek
    )
    return source[str(video.index)].output(
        media_tools.file_url(path),
        format="nut",
        codec="copy",
        avoid_negative_ts="disabled",
        to=format_seek(chunk.end_pts, video.time_base),
        bsf=f"noise=drop='{before}+gte(pts,{chunk.end_pts})',setts=pts=PTS-{chunk.origin}:dts=DTS-{chunk.origin}",
    )


def decode_pictures(piece: Piece, path: Path, *, strict: bool) -> Any:
    """Build an ffmpeg-python stream of exactly the chunk's pictures, as stored, not yet rotated upright.

    Their times are the source's ticks minus `piece.clock`, in the time base of `path`.
    """
    checks = {"xerror": None, "err_detect": STRICT} if strict else {}
    options: dict[str, Any] = {"copyts": None, "noautorotate": None, "threads": 1, **checks}
    if piece.is_only_chunk:
        stream = media_tools.source_input(path, **options)[str(piece.video.index)]
    else:
        stream = ffmpeg.input(media_tools.file_url(path), format="nut", **options)["v:0"]
    if piece.chunk.pictures is None or piece.chunk.origin == piece.chunk.start_pts:
        return stream
    start_s = Fraction(piece.chunk.start_pts - piece.clock) * piece.video.time_base
    return stream.filter("select", f"gte(t,{float(start_s - piece.video.time_base / 2):.9f})")


def rotate_upright(stream: Any, rotation: int) -> Any:
    """Rotate pictures clockwise by a multiple of 90 degrees, as the source's display matrix says."""
    if rotation == 180:
        return stream.filter("hflip").filter("vflip")
    return stream.filter("transpose", "clock" if rotation == 90 else "cclock") if rotation else stream
