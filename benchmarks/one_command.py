"""The peer: ONE ffmpeg command that makes the same ladder, from the very arguments that our chunks are encoded with.

Each rung is asked for as if the source were a single chunk; the commands that come out are put together around one
decoding of the source, its pictures split among the rungs. What chunking forced upon them is taken back: threads are
left to ffmpeg and its encoders. Everything that knows how `pipelines` declares an encode is in `whole_encodes`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import media_tools
from pipelines.chunk_plan import plan
from pipelines.cutting import Piece
from pipelines.encoding import ChunkEncode
from pipelines.ladder import INGEST_CODECS, ladder, voices
from pipelines.sound import SoundEncode
from pipelines.source import probe
from pipelines.timeline import timeline
from schemas.errors import InputError

BOUND_OPTIONS = frozenset({"-threads", "-row-mt", "-tile-columns"})
BOUND_PARAMETERS = frozenset(
    {"threads", "lookahead-threads", "lookahead-slices", "frame-threads", "pools", "wpp", "lp"}
)
"""What keeps ffmpeg and its encoders (x264, x265, SVT-AV1, libvpx) to one thread, so that chunks come out the same."""

LABEL = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True)
class WholeEncode:
    """One rendition of the whole source: the ffmpeg command that `pipelines` would run for it alone."""

    name: str
    picture: bool
    command: tuple[str, ...]
    result: Path


@dataclass(frozen=True)
class OneCommand:
    """The peer's command, what it makes, and how many pictures each rendition must have."""

    command: tuple[str, ...]
    encodes: tuple[WholeEncode, ...]
    pictures: int


def one_command(source: Path, folder: Path) -> OneCommand:
    """The command that makes all renditions of `source` as MP4 files in `folder`. Raises InputError without picture."""
    encodes, pictures = whole_encodes(source, folder)
    return OneCommand(tuple(combined(encodes)), tuple(encodes), pictures)


def whole_encodes(path: Path, folder: Path) -> tuple[list[WholeEncode], int]:
    """Each rendition that the ladder gives a source, the source being one chunk; and how many pictures it has."""
    source = probe(path)
    if source.video is None:
        raise InputError(f"{path}: has no picture, so there is no ladder to compare")
    whole = plan(source)
    pictures = timeline(whole)
    chunks = whole.chunks
    single = replace(
        chunks[0],
        end_pts=whole.end_pts,
        origin=min(chunk.origin for chunk in chunks),
        pictures=tuple(itertools.chain.from_iterable(chunk.pictures or () for chunk in chunks)) or None,
    )
    piece = Piece(source, whole.video, single, whole.first_pts, alone=True)
    encodes = []
    for rung in ladder(whole.video, INGEST_CODECS):
        task = ChunkEncode(piece, rung, pictures.times, 0, pictures.timescale, pictures.step, pictures.rate)
        result = folder / f"{rung.name}.mp4"
        encodes.append(WholeEncode(rung.name, True, tuple(task.command(path, result)), result))
    start_s = float(whole.first_pts * whole.video.time_base)
    audio = source.audio
    for voice in voices(audio) if audio else ():
        assert audio is not None  # else there were no voices
        sound = SoundEncode(source, audio, "", voice, start_s, pictures.duration_s)
        result = folder / f"{sound.voice.name}.mp4"
        encodes.append(WholeEncode(sound.voice.name, False, tuple(sound.command(path, result)), result))
    return encodes, len(pictures.times)


def combined(encodes: Sequence[WholeEncode]) -> list[str]:
    """One command out of several on the same input: decoded once, split, each with its own filters and options."""
    parts = [_Part.of(encode, number) for number, encode in enumerate(encodes)]
    pictures = [part for part in parts if part.encode.picture]
    taps = "".join(f"[{part.tap}]" for part in pictures)
    graph = [f"[{pictures[0].origin}]split={len(pictures)}{taps}"] if pictures else []
    graph += [part.graph for part in parts]
    outputs = [
        argument
        for part in parts
        for argument in ("-map", f"[{part.end}]", *part.options, media_tools.safe_name(part.encode.result))
    ]
    return [*parts[0].front, "-filter_complex", ";".join(graph), *outputs, *parts[0].tail]


@dataclass(frozen=True)
class _Part:
    """One command taken apart: program and input, filters with labels of their own, options of its output."""

    encode: WholeEncode
    front: list[str]
    origin: str
    tap: str
    graph: str
    end: str
    options: list[str]
    tail: list[str]

    @classmethod
    def of(cls, encode: WholeEncode, number: int) -> _Part:
        command = list(encode.command)
        filters, mapped = command.index("-filter_complex"), command.index("-map")
        out = command.index(media_tools.safe_name(encode.result))
        origin = LABEL.match(command[filters + 1])
        assert origin is not None  # ffmpeg-python begins each graph with its input
        tap = f"p{number}" if encode.picture else origin[1]

        def renamed(label: re.Match[str]) -> str:
            return f"[{tap}]" if label[1] == origin[1] else f"[r{number}{label[1]}]"

        return cls(
            encode=encode,
            front=_unbound(command[:filters]),
            origin=origin[1],
            tap=tap,
            graph=LABEL.sub(renamed, command[filters + 1]),
            end=f"r{number}{command[mapped + 1].strip('[]')}",
            options=_unbound(command[mapped + 2 : out]),
            tail=command[out + 1 :],
        )


def _unbound(arguments: Sequence[str]) -> list[str]:
    """The same without what keeps a program to one thread."""
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
