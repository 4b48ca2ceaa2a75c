"""One chunk of one rung, encoded from exactly the chunk's pictures at exactly their times, or not kept at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.codecs import RECIPE, WORK, picture_options
from pipelines.cutting import Piece, cut, decoding, upright
from pipelines.ladder import GOP_S, Rung
from pipelines.track import check_times
from schemas.errors import MediaToolError
from stores.media import MediaStore, media

SUFFIX = ".mp4"
SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""Exact arithmetic: the same bytes whatever vector instructions a machine has."""


@dataclass(frozen=True)
class ChunkEncode:
    """One chunk on one rung: Beam's element.

    `times`: its pictures from its first on, in ticks of `timescale`; `start`: where that first one lies in the whole;
    `step`, `rate`: as of a timeline.
    """

    piece: Piece
    rung: Rung
    times: tuple[int, ...]
    start: int
    timescale: int
    step: int | None
    rate: Fraction

    @property
    def key(self) -> str:
        """Names the result by all that it depends on: what the chunk holds, its times, the settings, the programs.

        Neither the file nor the place in it has a part: the same packets are encoded once, wherever they are met.
        """
        video = self.piece.video
        times = hashlib.sha256(",".join(map(str, self.times)).encode()).hexdigest()
        return MediaStore.key(
            {
                "made": "chunk",
                "recipe": RECIPE,
                "content": [video.configuration, self.piece.chunk.content],
                "shown": [video.rotation, video.interlaced],
                "times": [times, self.timescale, self._times_expression()],
                "size": [self.rung.width, self.rung.height],
                "options": self._options(),
                "programs": [media_tools.version("ffmpeg"), media_tools.version(video.decoder)],
            }
        )

    @property
    def work(self) -> float:
        """About how much work it is: points to encode, counted as those of H.264."""
        return len(self.times) * self.rung.width * self.rung.height * WORK[self.rung.codec]

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
        if self.step is None:
            return "PTS-STARTPTS"
        if self.times == tuple(range(0, len(self.times) * self.step, self.step)):
            return f"N*{self.step}"
        return f"round((PTS-STARTPTS)/{self.step})*{self.step}"

    def _options(self) -> dict[str, Any]:
        return {
            "format": "mp4",
            **picture_options(self.rung, self.rate),
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

    Two that encode the same at once both write the same bytes, each in a folder of its own, and the later rename
    replaces like by like. Raises MediaToolError where the encoder fails or a picture is missing, doubled or moved;
    nothing is kept then.
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
