"""Inspection of one file: chunks and sound decoded strictly on Beam, with the faults and the verdict of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.inspection.decode_check import DecodeCheck, Sample, check_audio, check_piece
from pipelines.inspection.digests import find_differences, read_manifest
from pipelines.inspection.located_faults import locate_faults
from pipelines.inspection.picture_hash import SAMPLES_PER_S
from pipelines.progress import OnProgress
from pipelines.runner import Stage, run_stage
from pipelines.source import faults
from pipelines.source.chunk_plan import Chunk, ChunkPlan, plan_chunks
from pipelines.source.cutting import Piece, build_pieces
from pipelines.source.faults import Fault, UnfitSourceError
from pipelines.source.probe import probe
from pipelines.source.source import Source
from schemas.errors import MediaToolError


@dataclass(frozen=True)
class Inspection:
    """Result of inspecting a file. `plan` is None without a video stream, `source` if there is nothing to play."""

    path: Path
    source: Source | None
    plan: ChunkPlan | None
    checked: tuple[DecodeCheck, ...]
    faults: tuple[Fault, ...]

    @property
    def accepted(self) -> bool:
        """Whether no fault is fatal."""
        return all(fault.severity != "fatal" for fault in self.faults)

    @property
    def duration_s(self) -> float | None:
        """Length of video and sound together, in seconds; None if there is nothing to play."""
        if self.source is None:
            return None
        pictures_s = self.plan.seconds(self.plan.end_pts) if self.plan else 0.0
        return round(max(self.source.duration_s, pictures_s), 6)

    def build_report(self) -> dict[str, Any]:
        """Build the report of `newsreel inspect --json`."""
        return {
            "file": str(self.path),
            "verdict": "accept" if self.accepted else "reject",
            "duration_s": self.duration_s,
            "chunks": len(self.checked) or int(self.source is not None),
            "faults": [fault.as_row() for fault in self.faults],
        }

    def build_chunk_rows(self) -> list[dict[str, Any]]:
        """Build the rows of `chunks`, without the video's id."""
        if self.plan is None:
            return []
        return [
            _build_chunk_row(self.plan, chunk, checked)
            for chunk, checked in zip(self.plan.chunks, self.checked, strict=True)
        ]

    def merge_samples(self) -> list[Sample]:
        """Fingerprints of the whole video: the first picture of each quarter of a second, independent of the chunks."""
        earliest: dict[int, Sample] = {}
        for sample in sorted(
            (s for checked in self.checked for s in checked.samples), key=lambda s: s.position_s
        ):
            earliest.setdefault(int(sample.position_s * SAMPLES_PER_S + 1e-6), sample)
        return list(earliest.values())


@dataclass(frozen=True)
class _Sound:
    """The whole first audio track as one element."""

    source: Source
    end_s: float


class InspectChunks(Stage):
    """Decode each piece of video strictly, with fingerprints, and the sound."""

    done_label = "Decode strictly"

    def work(self, element: Piece | _Sound) -> DecodeCheck | tuple[Fault, ...]:
        """The check of one piece, or the faults of the sound."""
        if isinstance(element, Piece):
            return check_piece(element)
        assert element.source.audio is not None  # an element is made only if there is sound
        return check_audio(element.source, element.source.audio, element.end_s)


def inspect_source(
    path: Path,
    *,
    workers: int | None = None,
    engine_options: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Inspection:
    """Inspect one file, with the same result for any number of workers. Raises InputError if it cannot be read."""
    try:
        source = probe(path)
        plan = plan_chunks(source) if source.video else None
    except UnfitSourceError as error:
        return Inspection(path, None, None, (), (error.fault,))
    parts = build_pieces(plan) if plan else []
    sound = [_Sound(source, round(source.duration_s, 6))] if source.audio else []
    results = run_stage(
        InspectChunks,
        [*parts, *sound],
        label="inspect",
        workers=workers,
        engine_options=engine_options,
        on_progress=on_progress,
    )
    checked = tuple(results[: len(parts)])
    found = [fault for piece in checked for fault in piece.faults]
    found += [fault for result in results[len(parts) :] for fault in result]
    found += _find_truncation(source)
    return Inspection(path, source, plan, checked, tuple(sorted(found, key=lambda fault: fault.sort_key)))


def inspect_file(
    path: Path,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    manifest: Path | None = None,
) -> dict[str, Any]:
    """Build the report of `newsreel inspect`; given a manifest of `newsreel digest`, also compare the file with it.

    Raises InputError if the path cannot be read or the manifest is invalid.
    """
    if manifest is None:
        return inspect_source(path, workers=workers, on_progress=on_progress).build_report()
    recorded = read_manifest(manifest)
    found = find_differences(path, recorded, on_progress)
    try:
        inspection = inspect_source(path, workers=workers, on_progress=on_progress)
    except MediaToolError:
        if not found:
            raise
        # No tool can decode the damaged file; the digests still say where it is damaged.
        inspection = Inspection(path, None, None, (), ())
    return replace(
        inspection, faults=locate_faults(inspection.faults, found, recorded, inspection.plan)
    ).build_report()


def _find_truncation(source: Source) -> list[Fault]:
    """The fault of a file that is shorter than its container declares."""
    missing = source.structure.missing_bytes
    if not missing:
        return []
    detail = f"the file was cut off: {missing} bytes are missing at its end; provide a complete copy"
    end = source.size_bytes
    return [Fault(faults.TRUNCATED, detail, byte_start=end, byte_end=end + missing)]


def _build_chunk_row(plan: ChunkPlan, chunk: Chunk, checked: DecodeCheck) -> dict[str, Any]:
    return {
        "chunk_index": chunk.index,
        "start_s": round(plan.seconds(chunk.start_pts), 6),
        "end_s": round(plan.seconds(chunk.end_pts), 6),
        "start_pts": chunk.start_pts,
        "end_pts": chunk.end_pts,
        "byte_start": chunk.byte_start,
        "byte_end": chunk.byte_end,
        "frames": checked.pictures,
        "state": "damaged" if checked.faults else "sound",
    }
