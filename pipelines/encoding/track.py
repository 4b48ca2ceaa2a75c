"""Finished track of one rendition: chunks joined without re-encoding, with a check that no picture was lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from pipelines import media_tools
from schemas.errors import MediaToolError

RISING = "if(gt(N,0)*lte(DTS,PREV_OUTDTS),PREV_OUTDTS+1,DTS)"
"""Keeps decoding times increasing over a join: a chunk of slow pictures starts decoding before the last one ends."""


def join_chunks(parts: Sequence[tuple[Path, int]], end: int, timescale: int, result: Path) -> None:
    """Join encoded chunks, each with its start in ticks, into one MP4 that ends at `end`. Raises MediaToolError.

    The concat demuxer takes lengths in microseconds; they are differences of rounded starts, so that rounding does not
    accumulate.
    """
    folder = result.parent / f"{result.stem}-chunks"
    folder.mkdir()
    edges = [round(tick * 1_000_000 / timescale) for tick in (*(start for _, start in parts), end)]
    lines = ["ffconcat version 1.0"]
    for number, (chunk, _) in enumerate(parts):
        (folder / f"{number:06d}.mp4").symlink_to(chunk.absolute())
        length = edges[number + 1] - edges[number]
        lines += [f"file {number:06d}.mp4", f"duration {length // 1_000_000}.{length % 1_000_000:06d}"]
    listing = folder / "list.ffconcat"
    listing.write_text("\n".join(lines) + "\n")
    source = ffmpeg.input(media_tools.file_url(listing), format="concat", copyts=None)
    options: dict[str, Any] = {
        "format": "mp4",
        "codec": "copy",
        "bsf:v": f"setts=pts=PTS:dts='{RISING}'",
        "video_track_timescale": timescale,
        "fflags": "+bitexact",
        "map_metadata": -1,
    }
    media_tools.check(
        media_tools.ffmpeg_command(source["v:0"].output(media_tools.file_url(result), **options))
    )


def check_times(path: Path, times: Sequence[int], timescale: int, where: str) -> None:
    """Check that an encoded file has exactly these pictures at these times, in ticks of `timescale`.

    `where`: what the file is, for the error. Raises MediaToolError with how many are missing or which one is moved.
    """
    found = sorted(read_picture_times(path))
    if len(found) != len(times):
        raise MediaToolError(f"{where}: {len(found)} of {len(times)} pictures were encoded")
    for number, (actual, expected) in enumerate(zip(found, times, strict=True)):
        if abs(actual - (expected - times[0])) > 1:
            raise MediaToolError(
                f"{where}: picture {number} is at {actual / timescale:.6f} s instead of "
                f"{(expected - times[0]) / timescale:.6f} s"
            )


def read_picture_times(path: Path) -> list[int]:
    """Presentation times of the packets of an MP4's video that are shown, in its own ticks."""
    command = [
        *(media_tools.program("ffprobe"), "-v", "error", "-select_streams", "v:0"),
        *("-show_entries", "packet=pts,flags", "-of", "compact=p=0:nk=1", media_tools.file_url(path)),
    ]
    packets = [line.split("|") for line in media_tools.check(command).decode().split()]
    return [int(fields[0]) for fields in packets if fields[0] != "N/A" and "D" not in fields[1]]
