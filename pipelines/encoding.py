"""One chunk of one rung, encoded from exactly the chunk's pictures at exactly their times, or not kept at all.

x264 runs on one thread: with rate control and several, two runs give different bytes. Chunks run side by side instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.cutting import Piece, cut, decoding, upright
from pipelines.ladder import CRF, GOP_S, PRESET, Rung
from pipelines.track import check_times
from schemas.errors import MediaToolError
from stores.media import MediaStore, media

SUFFIX = ".mp4"
SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""Exact arithmetic: the same bytes whatever vector instructions a machine has."""

RECIPE = 1
"""Raise it when encoding changes in a way that its arguments do not show: kept chunks are then made anew."""


@dataclass(frozen=True)
class ChunkEncode:
    """One chunk on one rung: Beam's element.

    `times`: its pictures from its first on, in ticks of `timescale`; `start`: where that first one lies in the whole;
    `counted`: the source's own times cannot be used, its pictures are counted out evenly.
    """

    piece: Piece
    sha256: str
    rung: Rung
    times: tuple[int, ...]
    start: int
    timescale: int
    counted: bool

    @property
    def key(self) -> str:
        """Names the result by all that it depends on: the source's bytes, the span, the settings, the programs."""
        chunk = self.piece.chunk
        return MediaStore.key(
            {
                "made": "chunk",
                "recipe": RECIPE,
                "source": self.sha256,
                "span": [chunk.start_pts, chunk.end_pts],
                "arguments": self.command(Path("source"), Path("result"))[1:],
                "programs": [media_tools.version("ffmpeg"), media_tools.version(self.piece.video.decoder)],
            }
        )

    def command(self, path: Path, result: Path) -> list[str]:
        """The ffmpeg command that encodes `path`'s pictures into `result`."""
        video = self.piece.video
        picture = upright(decoding(self.piece, path, strict=False), video.rotation)
        if video.interlaced:
            picture = picture.filter("bwdif", mode="send_frame", deint="interlaced")
        picture = (
            picture.filter("scale", self.rung.width, self.rung.height, flags=SCALER, out_range="tv")
            .filter("format", "yuv420p")
            .filter("setsar", 1)
            .filter("settb", f"1/{self.timescale}")
            .filter("setpts", self._times_expression())
        )
        return media_tools.ffmpeg_command(
            picture.output(media_tools.safe_name(result), **self._options()), video.decoder
        )

    def _times_expression(self) -> str:
        if self.counted:
            return f"N*{self.times[1] if len(self.times) > 1 else 0}"
        return "PTS-STARTPTS"

    def _options(self) -> dict[str, Any]:
        rate = self.piece.video.frame_rate
        cap = self.rung.cap_kbps
        x264 = f"threads=1:lookahead-threads=1:scenecut=0:open-gop=0:keyint=infinite:fps={rate}"
        return {
            "format": "mp4",
            "c:v": "libx264",
            "profile:v": "high",
            "preset": PRESET,
            "crf": CRF,
            "maxrate": f"{cap}k",
            "bufsize": f"{cap}k",
            "x264-params": x264,
            "forced-idr": 1,
            "force_key_frames": key_frame_times(self.times, self.timescale),
            "fps_mode": "passthrough",
            "enc_time_base": "filter",
            "video_track_timescale": self.timescale,
            "flags:v": "+bitexact",
            "fflags": "+bitexact",
            "map_metadata": -1,
        }


def key_frame_times(times: Sequence[int], timescale: int) -> str:
    """Times for `-force_key_frames`: GOPs of equal length, about GOP_S, at the same pictures on every rung.

    Each is the microsecond before its picture, so that rounding never moves it to the next one.
    """
    length_s = Fraction(times[-1] - times[0], timescale)
    count = max(1, round(length_s / GOP_S))
    chosen = []
    for number in range(count):
        wanted = times[0] + Fraction(times[-1] - times[0]) * number / count
        chosen.append(next(time for time in times if time >= wanted))
    microseconds = [max(0, time * 1_000_000 // timescale - 1) for time in dict.fromkeys(chosen)]
    return ",".join(f"{value // 1_000_000}.{value % 1_000_000:06d}" for value in microseconds)


def encode_chunk(task: ChunkEncode) -> tuple[str, bool]:
    """Encode one chunk unless it is kept already; returns its key and whether work was saved.

    Raises MediaToolError where the encoder fails or a picture is missing, doubled or moved; nothing is kept then.
    """
    key = task.key
    if media().cached(key, SUFFIX) is not None:
        return key, True
    with media().keep(key, SUFFIX) as result:
        with cut(task.piece) as path:
            media_tools.check(task.command(path, result))
        where = f"{task.piece.source.path.name}, chunk {task.piece.chunk.index}, {task.rung.name}"
        check_times(result, task.times, task.timescale, where)
    return key, False


def kept_chunk(key: str) -> Path:
    """Where a chunk that was encoded lies. Raises MediaToolError where it has gone."""
    path = media().cached(key, SUFFIX)
    if path is None:
        raise MediaToolError(f"encoded chunk {key} is no longer in the media store; run this again")
    return path
