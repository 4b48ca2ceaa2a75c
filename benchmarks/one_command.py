"""Peer of the ingest bench: one ffmpeg command for the same ladder, with the filters and options of our chunks.

The source is one chunk, all its rungs share one decode, and sound is encoded in the same command. The thread limits
that chunking requires are removed: ffmpeg and the encoders choose their threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.encoding.chunk import ChunkEncode, build_picture_outputs
from pipelines.encoding.sound import SoundEncode
from pipelines.encoding.timeline import build_timeline
from pipelines.ladder.ladder import INGEST_CODECS, build_audio_ladder, build_ladder
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.cutting import Piece
from pipelines.source.probe import probe
from schemas.errors import InputError

BOUND_OPTIONS = frozenset({"-threads", "-row-mt", "-tile-columns"})
BOUND_PARAMETERS = frozenset(
    {"threads", "lookahead-threads", "lookahead-slices", "frame-threads", "pools", "wpp", "lp"}
)
"""Options that limit ffmpeg and its encoders (x264, x265, SVT-AV1, libvpx) to one thread, for reproducible chunks."""


@dataclass(frozen=True)
class OneCommand:
    """The peer's command, the file of each rendition, and the number of pictures of the video renditions."""

    command: tuple[str, ...]
    rungs: dict[str, Path]
    voices: dict[str, Path]
    pictures: int


def build_one_command(path: Path, folder: Path) -> OneCommand:
    """Command that encodes all renditions of a source to MP4 files in `folder`. Raises InputError without video."""
    rungs, sounds = plan_whole_encodes(path)
    files = {task.rung.name: folder / f"{task.rung.name}.mp4" for task in rungs}
    heard = {sound.rung.name: folder / f"{sound.rung.name}.mp4" for sound in sounds}
    outputs = build_picture_outputs(rungs, path, list(files.values()))
    outputs += _build_sound_outputs(sounds, path, list(heard.values()))
    command = media_tools.ffmpeg_command(media_tools.merge_outputs(outputs), rungs[0].piece.video.decoder)
    return OneCommand(tuple(_remove_bounds(command)), files, heard, len(rungs[0].times))


def plan_whole_encodes(path: Path) -> tuple[list[ChunkEncode], list[SoundEncode]]:
    """All rungs of the ladder and all audio renditions of a source as a single chunk."""
    source = probe(path)
    if source.video is None:
        raise InputError(f"{path} has no video stream, so there is no ladder to compare")
    whole = plan_chunks(source)
    pictures = build_timeline(whole)
    chunks = whole.chunks
    single = replace(
        chunks[0],
        end_pts=whole.end_pts,
        origin=min(chunk.origin for chunk in chunks),
        pictures=tuple(itertools.chain.from_iterable(chunk.pictures or () for chunk in chunks)) or None,
    )
    piece = Piece(source, whole.video, single, whole.first_pts, is_only_chunk=True)
    rungs = [
        ChunkEncode(piece, rung, pictures.times, 0, pictures.timescale, pictures.step, pictures.rate)
        for rung in build_ladder(whole.video, INGEST_CODECS)
    ]
    start_s, audio = float(whole.first_pts * whole.video.time_base), source.audio
    spoken = [(audio, voice) for voice in build_audio_ladder(audio)] if audio else []
    return rungs, [
        SoundEncode(source, audio, "", voice, start_s, pictures.duration_s) for audio, voice in spoken
    ]


def _build_sound_outputs(sounds: Sequence[SoundEncode], path: Path, results: Sequence[Path]) -> list[Any]:
    """As `picture_outputs`: what is heard alike is decoded and filtered once."""
    heard = [sound.build_stream(path) for sound in sounds]
    taps = {stream: stream.filter_multi_output("asplit", heard.count(stream)) for stream in heard}
    return [
        taps[stream][str(heard[:number].count(stream))].output(
            media_tools.file_url(result), **sound.build_options()
        )
        for number, (stream, sound, result) in enumerate(zip(heard, sounds, results, strict=True))
    ]


def _remove_bounds(arguments: Sequence[str]) -> list[str]:
    """The arguments without thread limits."""
    kept: list[str] = []
    pairs = iter(arguments)
    for argument in pairs:
        if argument in BOUND_OPTIONS:
            next(pairs)
        elif argument.startswith("-") and argument.endswith("-params"):
            free = [one for one in next(pairs).split(":") if one.partition("=")[0] not in BOUND_PARAMETERS]
            kept += [argument, ":".join(free)]
        else:
            kept.append(argument)
    return kept
