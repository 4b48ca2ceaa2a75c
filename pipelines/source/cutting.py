"""One chunk's packets in a file of their own, so that decoding it meets those packets and no others.

A decoder that reads ahead into the next chunk would find that one's faults too, or not, depending on timing. NUT keeps
any codec and an exact time base (a multiple of the source's); a chunk's clock starts at its lowest packet time.
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
from pipelines.source.chunk_plan import Chunk, Plan, seek_seconds
from pipelines.source.source import Source, Video
from schemas.errors import MediaToolError
from stores.media import media

STRICT = "crccheck+bitstream+buffer+explode"
"""What makes a decoder say that data are wrong instead of hiding it."""


@dataclass(frozen=True)
class Piece:
    """One chunk with all that decoding it needs. `alone`: the chunk is all of the source."""

    source: Source
    video: Video
    chunk: Chunk
    first_pts: int
    alone: bool

    @property
    def clock(self) -> int:
        """What was taken from each presentation time, in ticks of the source: nothing where it is decoded in place."""
        return 0 if self.alone else self.chunk.origin

    @property
    def bare(self) -> Piece:
        """The piece without its lists of pictures and places: what is sent to encoders many times over stays small."""
        pictures = None if self.chunk.pictures is None else ()
        return replace(self, chunk=replace(self.chunk, pictures=pictures, places=()))

    def seconds(self, pts: int) -> float:
        """Presentation time from the source's first picture on, in seconds."""
        return float((pts - self.first_pts) * self.video.time_base)


def pieces(whole: Plan) -> list[Piece]:
    """The chunks of a plan, ready to be sent to workers that see the same files."""
    alone = len(whole.chunks) == 1
    return [Piece(whole.source, whole.video, chunk, whole.first_pts, alone) for chunk in whole.chunks]


@contextmanager
def cut(piece: Piece) -> Iterator[Path]:
    """A file that holds the piece's packets; the source itself where the piece is all of it.

    Raises MediaToolError where the packets cannot be read.
    """
    if not piece.source.path.exists():
        raise MediaToolError(f"{piece.source.path} has gone since it was looked at; bring the video again")
    if piece.alone:
        yield piece.source.path
        return
    with media().staging() as folder:
        path = folder / "chunk.nut"
        media_tools.check(media_tools.ffmpeg_command(_copy(piece, path)))
        yield path


def _copy(piece: Piece, path: Path) -> Any:
    """Copy from the key frame on; `-to` stops reading soon after the end, the filter drops what is read beyond it."""
    chunk, video = piece.chunk, piece.video
    before = "0" if chunk.index == 0 else f"lt(pts,{chunk.start_pts})"
    seek = (
        {}
        if chunk.index == 0
        else {"ss": seek_seconds(chunk.start_pts, video.time_base), "seek_timestamp": 1}
    )
    source = media_tools.source_input(
        piece.source.path, copyts=None, noaccurate_seek=None, xerror=None, err_detect="crccheck", **seek
    )
    return source[str(video.index)].output(
        media_tools.safe_name(path),
        format="nut",
        codec="copy",
        avoid_negative_ts="disabled",
        to=seek_seconds(chunk.end_pts, video.time_base),
        bsf=f"noise=drop='{before}+gte(pts,{chunk.end_pts})',setts=pts=PTS-{chunk.origin}:dts=DTS-{chunk.origin}",
    )


def decoding(piece: Piece, path: Path, *, strict: bool) -> Any:
    """The piece's pictures as an ffmpeg-python stream: exactly those of the chunk, as stored, not yet turned upright.

    Their times are the source's ticks less `piece.clock`, in the time base of `path`.
    """
    checks = {"xerror": None, "err_detect": STRICT} if strict else {}
    options: dict[str, Any] = {"copyts": None, "noautorotate": None, "threads": 1, **checks}
    if piece.alone:
        stream = media_tools.source_input(path, **options)[str(piece.video.index)]
    else:
        stream = ffmpeg.input(media_tools.safe_name(path), format="nut", **options)["v:0"]
    if piece.chunk.pictures is None or piece.chunk.origin == piece.chunk.start_pts:
        return stream
    start_s = Fraction(piece.chunk.start_pts - piece.clock) * piece.video.time_base
    return stream.filter("select", f"gte(t,{float(start_s - piece.video.time_base / 2):.9f})")


def upright(stream: Any, rotation: int) -> Any:
    """Turn pictures by whole quarters, clockwise, as the source's display matrix asks for."""
    if rotation == 180:
        return stream.filter("hflip").filter("vflip")
    return stream.filter("transpose", "clock" if rotation == 90 else "cclock") if rotation else stream
