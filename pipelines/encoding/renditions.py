"""All renditions of one source: chunk x rung and the sound encoded on Beam, joined, verified, packaged."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.encoding.chunk import SUFFIX, ChunkEncode, encode_chunk, kept_chunk
from pipelines.encoding.elements import Element, elements
from pipelines.encoding.sound import SoundEncode, encode_sound, sound_length_s
from pipelines.encoding.timeline import Timeline, timeline
from pipelines.encoding.track import check_times, join
from pipelines.ladder.ladder import CODECS, DEFAULT_CODECS, Rung, Voice, ladder, voices
from pipelines.package.packaging import Packaged, Track, package
from pipelines.package.sprite_sheet import SpriteSheets, make_sprites
from pipelines.progress import OnProgress
from pipelines.runner import Stage, run_stage
from pipelines.source.chunk_plan import Plan, plan
from pipelines.source.content_key import sound_content
from pipelines.source.cutting import pieces
from pipelines.source.source import Source, probe
from schemas.errors import MediaToolError
from stores.media import media


class EncodeRenditions(Stage):
    """Encode each chunk on each rung, and the sound, unless it is kept already; gives key and whether it was."""

    done_label = "Encode or reuse"

    def work(self, element: Element) -> list[tuple[str, bool]]:
        """The keys under which the results are kept, and whether each was there already."""
        return [encode_sound(element)] if isinstance(element, SoundEncode) else encode_chunk(element)


@dataclass(frozen=True)
class Rendition:
    """One rendition of a package: what it is, its finished track, and where it lies in the package."""

    name: str
    shape: Rung | Voice
    frames: int | None
    duration_s: float
    packaged: Packaged
    track: Path

    def as_row(self) -> dict[str, Any]:
        """As `renditions` holds it, without the video's id."""
        picture = isinstance(self.shape, Rung)
        return {
            "rendition_id": self.name,
            "media": "video" if picture else "audio",
            "codec": self.shape.codec,
            "width": self.shape.width if isinstance(self.shape, Rung) else None,
            "height": self.shape.height if isinstance(self.shape, Rung) else None,
            "channels": self.shape.channels if isinstance(self.shape, Voice) else None,
            "bitrate_bps": self.packaged.rates.bitrate_bps,
            "peak_bps": self.packaged.rates.peak_bps,
            "frames": self.frames,
            "vmaf": None,
            "duration_s": round(self.duration_s, 6),
            "path": self.packaged.folder,
        }


@dataclass(frozen=True)
class Package:
    """A verified package in a folder that its maker may move. `plan` is None where there is only sound."""

    source: Source
    sha256: str
    plan: Plan | None
    folder: Path
    renditions: tuple[Rendition, ...]
    reused: int
    encoded: int

    @property
    def duration_s(self) -> float:
        """Length of what plays, in seconds."""
        return round(max(rendition.duration_s for rendition in self.renditions), 6)


@contextmanager
def built_package(
    path: Path,
    sha256: str,
    *,
    codecs: Sequence[str] = DEFAULT_CODECS,
    workers: int | None = None,
    engine_options: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Iterator[Package]:
    """A package of one source, in a private folder that is gone after the block unless it was moved away.

    `codecs`: those of the picture, of ladder.CODECS; sound is always AAC and Opus.

    The same bytes for the same source, whatever the workers and whatever was interrupted before. Raises InputError
    where the source cannot be read or is nothing to play, MediaToolError where a picture would be lost.
    """
    source = probe(path)
    whole = plan(source) if source.video else None
    pictures = timeline(whole) if whole else None
    rungs = ladder(whole.video, codecs) if whole else ()
    chunks = _chunk_tasks(whole, pictures, rungs) if whole and pictures else []
    sounds = _sound_tasks(source, whole, pictures)
    keys, encoded = _encode([*chunks, *sounds], workers, engine_options, on_progress)
    with media().staging() as staging:
        tracks: list[Track] = []
        shapes: list[tuple[Rung | Voice, int | None, float]] = []
        per_rung = len(chunks) // len(rungs) if rungs else 0
        for number, rung in enumerate(rungs):
            assert pictures is not None  # there are rungs only where there are pictures
            own = keys[number * per_rung : (number + 1) * per_rung]
            tracks.append(_joined(rung, own, chunks[:per_rung], pictures, staging))
            shapes.append((rung, len(pictures.times), pictures.duration_s))
        for sound, key in zip(sounds, keys[len(chunks) :], strict=True):
            kept = kept_chunk(key)
            tracks.append(Track(sound.voice.name, "audio", sound.voice.codec, kept))
            shapes.append((sound.voice, None, sound_length_s(kept)))
        folder = staging / "package"
        folder.mkdir()
        sprites = _sprites(tracks, rungs, pictures, staging) if pictures else None
        packaged = package(tracks, folder, sprites)
        renditions = tuple(
            Rendition(track.name, shape, frames, length_s, made, track.path)
            for track, (shape, frames, length_s), made in zip(tracks, shapes, packaged, strict=True)
        )
        yield Package(source, sha256, whole, folder, renditions, len(keys) - encoded, encoded)


def _encode(
    tasks: Sequence[ChunkEncode | SoundEncode],
    workers: int | None,
    engine_options: Sequence[str],
    on_progress: OnProgress | None,
) -> tuple[list[str], int]:
    """Keys of all results in order, and how many were encoded for it: what is kept already needs no worker."""
    keys = [task.key for task in tasks]
    missing = [task for task, key in zip(tasks, keys, strict=True) if media().cached(key, SUFFIX) is None]
    results = run_stage(
        EncodeRenditions,
        elements(missing, workers or os.cpu_count() or 1),
        label="encode",
        workers=workers,
        engine_options=engine_options,
        on_progress=on_progress,
    )
    return keys, sum(not was_kept for result in results for _, was_kept in result)


def _chunk_tasks(whole: Plan, pictures: Timeline, rungs: Sequence[Rung]) -> list[ChunkEncode]:
    """Rung by rung, in order of time: the pictures of each chunk, counted from its own first one."""
    parts = pieces(whole)
    counts = [len(part.chunk.pictures) if part.chunk.pictures else len(pictures.times) for part in parts]
    edges = [sum(counts[:number]) for number in range(len(counts) + 1)]
    spans = [pictures.times[first:last] for first, last in itertools.pairwise(edges)]
    shared = [
        (part.bare, tuple(time - span[0] for time in span), span[0])
        for part, span in zip(parts, spans, strict=True)
    ]
    return [
        ChunkEncode(part, rung, times, start, pictures.timescale, pictures.step, pictures.rate)
        for rung in rungs
        for part, times, start in shared
    ]


def _sound_tasks(source: Source, whole: Plan | None, pictures: Timeline | None) -> list[SoundEncode]:
    audio = source.audio
    if audio is None:
        return []
    start_s = float(whole.first_pts * whole.video.time_base) if whole else audio.start_s
    least_s = pictures.duration_s if pictures else 0.0
    content = sound_content(source, audio, start_s)
    return [SoundEncode(source, audio, content, voice, start_s, least_s) for voice in voices(audio)]


def _joined(
    rung: Rung, keys: Sequence[str], tasks: Sequence[ChunkEncode], pictures: Timeline, staging: Path
) -> Track:
    """One rung's track, proved against the source's pictures.

    Raises MediaToolError; chunks that were damaged on disk are removed first, so that the next run makes them anew.
    """
    result = staging / f"{rung.name}{SUFFIX}"
    chunks, starts = [kept_chunk(key) for key in keys], [task.start for task in tasks]
    try:
        join(chunks, starts, pictures.end, pictures.timescale, result)
        check_times(result, pictures.times, pictures.timescale, rung.name)
    except MediaToolError as error:
        damaged = [chunk for chunk, task in zip(chunks, tasks, strict=True) if not _is_whole(chunk, task)]
        if not damaged:
            raise
        for chunk in damaged:
            chunk.unlink()
        raise MediaToolError(
            f"{rung.name}: {len(damaged)} kept chunks were damaged on disk and are removed; run this again"
        ) from error
    return Track(rung.name, "video", rung.codec, result)


def _is_whole(chunk: Path, task: ChunkEncode) -> bool:
    try:
        check_times(chunk, task.times, task.timescale, chunk.name)
    except MediaToolError:
        return False
    return True


def _sprites(
    tracks: Sequence[Track], rungs: Sequence[Rung], pictures: Timeline, staging: Path
) -> SpriteSheets:
    """From the smallest rung of the first codec: its key frames cost least to decode."""
    smallest = min(
        range(len(rungs)),
        key=lambda number: (CODECS.index(rungs[number].codec), rungs[number].width * rungs[number].height),
    )
    folder = staging / "sprites"
    folder.mkdir()
    return make_sprites(tracks[smallest].path, rungs[smallest], pictures.duration_s, folder)
