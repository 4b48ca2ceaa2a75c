"""Chunk encodes: the pictures of one chunk on one rung, cached only if every picture is there at its exact time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.encoding.track import check_times
from pipelines.ladder.codecs import DECODING_WORK, RECIPE, WORK, build_picture_options
from pipelines.ladder.ladder import GOP_S, Rung
from pipelines.source.cutting import Piece, cut, decode_pictures, rotate_upright
from schemas.errors import MediaToolError
from stores.media import MediaStore, media

SUFFIX = ".mp4"
SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"
"""Exact arithmetic: the same bytes with any vector instructions."""


@dataclass(frozen=True)
class ChunkEncode:
    """The task of encoding one chunk on one rung.

    `times`: of its pictures relative to its first, in ticks of `timescale`; `start`: time of that first one in the
    timeline; `step`, `rate`: as in `Timeline`.
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
        """Cache key of all that the result depends on: the chunk's content, its times, settings and programs.

        Neither the file nor the position in it is part of it: the same packets are encoded once, in any file.
        """
        video = self.piece.video
        times = hashlib.sha256(",".join(map(str, self.times)).encode()).hexdigest()
        return MediaStore.key(
            {
                "made": "chunk",
                "recipe": RECIPE,
                "content": [video.configuration, self.piece.chunk.content],
                "shown": [video.rotation, video.interlaced],
                "times": [times, self.timescale, self.build_setpts()],
                "size": [self.rung.width, self.rung.height],
                "options": self.build_options(),
                "programs": [media_tools.version("ffmpeg"), media_tools.version(video.decoder)],
            }
        )

    @property
    def work(self) -> float:
        """Estimated work: pixels to encode, in units of H.264's; without decoding."""
        return len(self.times) * self.rung.points * WORK[self.rung.codec]

    @property
    def decoding_work(self) -> float:
        """Estimated work of decoding the chunk, on the same scale."""
        width, height = self.piece.video.shown_size
        return len(self.times) * width * height * DECODING_WORK

    def build_setpts(self) -> str:
        """Build the `setpts` expression that gives each picture its exact time."""
        if self.step is None:
            return "PTS-STARTPTS"
        if self.times == tuple(range(0, len(self.times) * self.step, self.step)):
            return f"N*{self.step}"
        return f"round((PTS-STARTPTS)/{self.step})*{self.step}"

    def build_options(self) -> dict[str, Any]:
        """Build ffmpeg's output options."""
        return {
            "format": "mp4",
            **build_picture_options(self.rung, self.rate),
            "force_key_frames": choose_key_frame_times(self.times, self.timescale),
            "fps_mode": "passthrough",
            "enc_time_base": "filter",
            "video_track_timescale": self.timescale,
            "flags:v": "+bitexact",
            "fflags": "+bitexact",
            "map_metadata": -1,
        }


def choose_key_frame_times(times: Sequence[int], timescale: int) -> str:
    """Choose times for `-force_key_frames`: GOPs of equal length, about GOP_S, at the same pictures on every rung.

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


def build_picture_outputs(tasks: Sequence[ChunkEncode], path: Path, results: Sequence[Path]) -> list[Any]:
    """Build the ffmpeg-python outputs that encode `path`'s pictures into `results`: one decode, one scaling per size.

    `tasks`: rungs of one chunk.
    """
    piece, video = tasks[0].piece, tasks[0].piece.video
    picture = rotate_upright(decode_pictures(piece, path, strict=False), video.rotation)
    if video.interlaced:
        picture = picture.filter("bwdif", mode="send_frame", deint="interlaced")
    sizes = list(dict.fromkeys((task.rung.width, task.rung.height) for task in tasks))
    outputs = {}
    for size, source in zip(sizes, _split_stream(picture, len(sizes)), strict=True):
        numbers = [n for n, task in enumerate(tasks) if (task.rung.width, task.rung.height) == size]
        scaled = (
            source.filter("scale", *size, flags=SCALER, out_range="tv")
            .filter("format", "yuv420p")
            .filter("setsar", 1)
            .filter("settb", f"1/{tasks[0].timescale}")
            .filter("setpts", tasks[0].build_setpts())
        )
        for number, tap in zip(numbers, _split_stream(scaled, len(numbers)), strict=True):
            outputs[number] = tap.output(
                media_tools.file_url(results[number]), **tasks[number].build_options()
            )
    return [outputs[number] for number in range(len(tasks))]


def _split_stream(stream: Any, count: int) -> list[Any]:
    if count == 1:
        return [stream]
    split = stream.filter_multi_output("split", count)
    return [split[str(number)] for number in range(count)]


def encode_chunk(tasks: Sequence[ChunkEncode]) -> list[tuple[str, bool]]:
    """Encode rungs of one chunk from one decode, except those that the cache has.

    Returns the key of each and whether it was reused. Two processes that encode the same task write the same bytes,
    each in a folder of its own, and the later rename replaces a file with an equal one. Raises MediaToolError if an
    encoder fails or a picture is missing, duplicated or moved; nothing is cached then.
    """
    keys = [task.key for task in tasks]
    missing = {
        key: task for key, task in zip(keys, tasks, strict=True) if media().find_result(key, SUFFIX) is None
    }
    if missing:
        _encode_and_cache(missing)
    return [(key, key not in missing) for key in keys]


def _encode_and_cache(tasks: Mapping[str, ChunkEncode]) -> None:
    first = next(iter(tasks.values()))
    with ExitStack() as stack:
        results = [stack.enter_context(media().keep(key, SUFFIX)) for key in tasks]
        with cut(first.piece) as path:
            outputs = build_picture_outputs(list(tasks.values()), path, results)
            command = media_tools.ffmpeg_command(
                media_tools.merge_outputs(outputs), first.piece.video.decoder
            )
            media_tools.check(command)
        for task, result in zip(tasks.values(), results, strict=True):
            where = f"{task.piece.source.path.name}, chunk {task.piece.chunk.index}, {task.rung.name}"
            check_times(result, task.times, task.timescale, where)


def find_encoded(key: str) -> Path:
    """Find a cached result by its key. Raises MediaToolError if it was removed."""
    path = media().find_result(key, SUFFIX)
    if path is None:
        raise MediaToolError(f"encoded chunk {key} is no longer in the media store; run this again")
    return path
