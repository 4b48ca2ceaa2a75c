"""Package plan: the renditions of a package to come, with the cache keys of the results that they are made from.

Everything is decided before anything is encoded, so that the plan alone says what is missing, what is joined in which
order, and what the rows of `renditions` will say.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.encoding.chunk import ChunkEncode
from pipelines.encoding.sound import SoundEncode
from pipelines.encoding.timeline import Timeline, build_timeline
from pipelines.ladder.ladder import Rung, build_audio_ladder, build_ladder
from pipelines.source.chunk_plan import ChunkPlan, plan_chunks
from pipelines.source.content_key import digest_sound
from pipelines.source.cutting import build_pieces
from pipelines.source.source import Source


@dataclass(frozen=True)
class PlannedChunk:
    """One chunk on one rung: the key of its result in the cache, and the task that encodes it."""

    key: str
    chunk: ChunkEncode


@dataclass(frozen=True)
class PlannedPicture:
    """One rendition of the video: its chunks in order of time, to be joined into the track named `track`."""

    track: str
    rung: Rung
    chunks: tuple[PlannedChunk, ...]
    timeline: Timeline

    @property
    def row(self) -> dict[str, Any]:
        """The columns of `renditions` that are known before encoding, without the video's id."""
        return {
            "rendition_id": self.track,
            "media": "video",
            "codec": self.rung.codec,
            "width": self.rung.width,
            "height": self.rung.height,
            "channels": None,
            "frames": len(self.timeline.times),
        }


@dataclass(frozen=True)
class PlannedSound:
    """One rendition of the sound: the name of its track, the key of its result in the cache, and its task."""

    track: str
    key: str
    sound: SoundEncode

    @property
    def row(self) -> dict[str, Any]:
        """As for `PlannedPicture`."""
        return {
            "rendition_id": self.track,
            "media": "audio",
            "codec": self.sound.rung.codec,
            "width": None,
            "height": None,
            "channels": self.sound.rung.channels,
            "frames": None,
        }


@dataclass(frozen=True)
class PackagePlan:
    """All renditions of one source, pictures first, by codec and size. `chunk_plan` is None for sound alone."""

    source: Source
    chunk_plan: ChunkPlan | None
    pictures: tuple[PlannedPicture, ...]
    sounds: tuple[PlannedSound, ...]

    @property
    def renditions(self) -> tuple[PlannedPicture | PlannedSound, ...]:
        """In the order of the package."""
        return (*self.pictures, *self.sounds)

    def list_tasks(self) -> Iterator[tuple[str, ChunkEncode | SoundEncode]]:
        """All tasks of the plan, each with the key of its result."""
        for picture in self.pictures:
            for planned in picture.chunks:
                yield planned.key, planned.chunk
        for sound in self.sounds:
            yield sound.key, sound.sound


def plan_package(source: Source, codecs: Sequence[str]) -> PackagePlan:
    """Plan all renditions of a source. Raises UnfitSourceError if none of its pictures decode."""
    if source.video is None:
        return PackagePlan(source, None, (), _plan_sounds(source, start_s=None, least_s=0.0))
    chunk_plan = plan_chunks(source)
    timeline = build_timeline(chunk_plan)
    start_s = float(chunk_plan.first_pts * chunk_plan.video.time_base)
    pictures = _plan_pictures(chunk_plan, timeline, build_ladder(chunk_plan.video, codecs))
    return PackagePlan(source, chunk_plan, pictures, _plan_sounds(source, start_s, timeline.duration_s))


def _plan_pictures(
    chunk_plan: ChunkPlan, timeline: Timeline, rungs: Sequence[Rung]
) -> tuple[PlannedPicture, ...]:
    """Plan the chunks of each rung: the same pictures on all, timed relative to the chunk's first picture."""
    parts = build_pieces(chunk_plan)
    counts = [len(part.chunk.pictures) if part.chunk.pictures else len(timeline.times) for part in parts]
    edges = [sum(counts[:number]) for number in range(len(counts) + 1)]
    spans = [timeline.times[first:last] for first, last in itertools.pairwise(edges)]
    shared = [
        (part.without_lists, tuple(time - span[0] for time in span), span[0])
        for part, span in zip(parts, spans, strict=True)
    ]
    pictures = []
    for rung in rungs:
        tasks = [
            ChunkEncode(part, rung, times, start, timeline.timescale, timeline.step, timeline.rate)
            for part, times, start in shared
        ]
        chunks = tuple(PlannedChunk(task.key, task) for task in tasks)
        pictures.append(PlannedPicture(rung.name, rung, chunks, timeline))
    return tuple(pictures)


def _plan_sounds(source: Source, start_s: float | None, least_s: float) -> tuple[PlannedSound, ...]:
    """Plan the audio rungs. `start_s`, `least_s`: start and length of the video; None and 0 without video."""
    audio = source.audio
    if audio is None:
        return ()
    start_s = audio.start_s if start_s is None else start_s
    content = digest_sound(source, audio, start_s)
    tasks = [
        SoundEncode(source, audio, content, rung, start_s, least_s) for rung in build_audio_ladder(audio)
    ]
    return tuple(PlannedSound(task.rung.name, task.key, task) for task in tasks)
