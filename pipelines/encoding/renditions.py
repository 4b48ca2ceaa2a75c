"""Renditions of one source: encoded on Beam by a package plan, joined, verified, packaged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.encoding.chunk import SUFFIX, ChunkEncode, encode_chunk, find_encoded
from pipelines.encoding.elements import Element, build_elements
from pipelines.encoding.package_plan import PackagePlan, PlannedPicture, PlannedSound, plan_package
from pipelines.encoding.sound import SoundEncode, encode_sound, measure_sound_s
from pipelines.encoding.track import check_times, join_chunks
from pipelines.ladder.ladder import CODECS, DEFAULT_CODECS, AudioRung, Rung
from pipelines.package.packaging import PackagedTrack, Track, write_package
from pipelines.package.sprite_sheet import SpriteSheets, make_sprites
from pipelines.progress import OnProgress
from pipelines.runner import Stage, run_stage
from pipelines.source.chunk_plan import ChunkPlan
from pipelines.source.probe import probe
from pipelines.source.source import Source
from schemas.errors import MediaToolError
from stores.media import media


class EncodeRenditions(Stage):
    """Encode each chunk on each rung, and the sound, unless the cache has the result."""

    done_label = "Encode or reuse"

    def work(self, element: Element) -> list[tuple[str, bool]]:
        """The cache keys of the element's results, and whether each was reused."""
        return [encode_sound(element)] if isinstance(element, SoundEncode) else encode_chunk(element)


@dataclass(frozen=True)
class Rendition:
    """One finished rendition of a package: as planned, with its track and its place in the package."""

    planned: PlannedPicture | PlannedSound
    track: Path
    packaged: PackagedTrack
    duration_s: float

    @property
    def name(self) -> str:
        """Its rendition id."""
        return self.planned.track

    @property
    def rung(self) -> Rung | AudioRung:
        """Its rung, of the video or of the sound."""
        return self.planned.rung if isinstance(self.planned, PlannedPicture) else self.planned.sound.rung

    @property
    def frames(self) -> int | None:
        """How many pictures it has; None for sound."""
        return len(self.planned.timeline.times) if isinstance(self.planned, PlannedPicture) else None

    def as_row(self) -> dict[str, Any]:
        """Its row of `renditions`, without the video's id."""
        return {
            **self.planned.row,
            "bitrate_bps": self.packaged.rates.bitrate_bps,
            "peak_bps": self.packaged.rates.peak_bps,
            "vmaf": None,
            "duration_s": round(self.duration_s, 6),
            "path": self.packaged.folder,
        }


@dataclass(frozen=True)
class Package:
    """A verified package in a folder that the caller may move. `plan` is None for sound alone.

    `reused`, `encoded`: how many results came from the cache, and how many were encoded for this package.
    """

    source: Source
    sha256: str
    plan: ChunkPlan | None
    folder: Path
    renditions: tuple[Rendition, ...]
    reused: int
    encoded: int

    @property
    def duration_s(self) -> float:
        """Length of what plays, in seconds."""
        return round(max(rendition.duration_s for rendition in self.renditions), 6)


@contextmanager
def build_package(
    path: Path,
    sha256: str,
    *,
    codecs: Sequence[str] = DEFAULT_CODECS,
    workers: int | None = None,
    engine_options: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Iterator[Package]:
    """Build a package of one source in a private folder, which is removed after the block unless it was moved away.

    `codecs`: those of the picture, from ladder.CODECS; sound is always AAC and Opus.

    The same source gives the same bytes, for any number of workers and after any interruption. Raises InputError for
    a source that cannot be read or has nothing to play, MediaToolError if a picture would be lost.
    """
    plan = plan_package(probe(path), codecs)
    encoded = _encode_missing(plan, workers, engine_options, on_progress)
    with media().staging() as staging:
        tracks = {planned.track: _build_track(planned, staging) for planned in plan.renditions}
        folder = staging / "package"
        folder.mkdir()
        sprites = _make_sprites(plan.pictures, tracks, staging) if plan.pictures else None
        packaged = {done.name: done for done in write_package(list(tracks.values()), folder, sprites)}
        renditions = tuple(
            Rendition(
                planned, tracks[planned.track].path, packaged[planned.track], _measure_length_s(planned)
            )
            for planned in plan.renditions
        )
        results = sum(1 for _ in plan.list_tasks())
        yield Package(plan.source, sha256, plan.chunk_plan, folder, renditions, results - encoded, encoded)


def _encode_missing(
    plan: PackagePlan,
    workers: int | None,
    engine_options: Sequence[str],
    on_progress: OnProgress | None,
) -> int:
    """Encode the results that the cache lacks; returns how many. Cached ones need no worker."""
    missing = [task for key, task in plan.list_tasks() if media().find_result(key, SUFFIX) is None]
    results = run_stage(
        EncodeRenditions,
        build_elements(missing, workers or os.cpu_count() or 1),
        label="encode",
        workers=workers,
        engine_options=engine_options,
        on_progress=on_progress,
    )
    return sum(not was_cached for result in results for _, was_cached in result)


def _build_track(planned: PlannedPicture | PlannedSound, staging: Path) -> Track:
    """A rendition's finished track, a picture's verified against the source's. Raises MediaToolError."""
    if isinstance(planned, PlannedSound):
        return Track(planned.track, "audio", planned.sound.rung.codec, find_encoded(planned.key))
    result = staging / f"{planned.track}{SUFFIX}"
    _join_chunks(planned, result)
    return Track(planned.track, "video", planned.rung.codec, result)


def _join_chunks(picture: PlannedPicture, result: Path) -> None:
    """Join a rendition's chunks and check that the result has every picture at its time.

    Raises MediaToolError. Cached chunks that are damaged on disk are removed first, so that the next run encodes them
    again.
    """
    timeline = picture.timeline
    found = [(find_encoded(planned.key), planned.chunk) for planned in picture.chunks]
    try:
        join_chunks([(path, task.start) for path, task in found], timeline.end, timeline.timescale, result)
        check_times(result, timeline.times, timeline.timescale, picture.track)
    except MediaToolError as error:
        damaged = [path for path, task in found if not _is_whole(path, task)]
        if not damaged:
            raise
        for path in damaged:
            path.unlink()
        raise MediaToolError(
            f"{picture.track}: {len(damaged)} cached chunks were damaged on disk and have been removed; run this again"
        ) from error


def _is_whole(path: Path, task: ChunkEncode) -> bool:
    try:
        check_times(path, task.times, task.timescale, path.name)
    except MediaToolError:
        return False
    return True


def _measure_length_s(planned: PlannedPicture | PlannedSound) -> float:
    if isinstance(planned, PlannedPicture):
        return planned.timeline.duration_s
    return measure_sound_s(find_encoded(planned.key))


def _make_sprites(
    pictures: Sequence[PlannedPicture], tracks: dict[str, Track], staging: Path
) -> SpriteSheets:
    """From the smallest rung of the first codec: its key frames cost least to decode."""
    smallest = min(pictures, key=lambda picture: (CODECS.index(picture.rung.codec), picture.rung.points))
    folder = staging / "sprites"
    folder.mkdir()
    duration_s = smallest.timeline.duration_s
    return make_sprites(tracks[smallest.track].path, smallest.rung, duration_s, folder)
