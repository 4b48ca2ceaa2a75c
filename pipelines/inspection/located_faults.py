"""Faults of a file that has a digest manifest: each with its byte range, and each damage reported once.

Tests: tests/pipelines/inspection/test_digests.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.inspection.digests import Difference, Manifest
from pipelines.source import faults
from pipelines.source.chunk_plan import ChunkPlan
from pipelines.source.faults import Fault

DETAILS = {
    faults.CHANGED_BYTES: "these bytes differ from the recorded ones",
    faults.TRUNCATED: "the file ends before its recorded end, {recorded} bytes",
    faults.EXTRA_BYTES: "the file continues beyond its recorded end, {recorded} bytes",
}


def locate_faults(
    found: Sequence[Fault], differing: Sequence[Difference], recorded: Manifest, plan: ChunkPlan | None
) -> tuple[Fault, ...]:
    """Locate the faults to report, in order.

    If the file is as recorded: the faults that were found, their byte ranges clamped to the file, or all of it if
    unknown. If it differs: one fault per difference. All other faults are then symptoms of that damage and go into the
    detail and times of the nearest difference: decoders notice damage late, and a damaged index shows up elsewhere.
    """
    if not differing:
        return tuple(
            sorted((_clamp(fault, recorded.size_bytes) for fault in found), key=lambda fault: fault.sort_key)
        )
    symptoms: list[list[Fault]] = [[] for _ in differing]
    for fault in found:
        nearest = min(range(len(differing)), key=lambda number: _measure_distance(fault, differing[number]))
        symptoms[nearest].append(fault)
    reported = [
        _build_fault(difference, caused, recorded, plan)
        for difference, caused in zip(differing, symptoms, strict=True)
    ]
    return tuple(sorted(reported, key=lambda fault: fault.sort_key))


def _clamp(fault: Fault, size: int) -> Fault:
    start = min(fault.byte_start or 0, size)
    end = size if fault.byte_end is None else min(fault.byte_end, size)
    return replace(fault, byte_start=start, byte_end=max(start, end))


def _measure_distance(fault: Fault, difference: Difference) -> int:
    """Bytes between a fault and a difference; 0 if they overlap or the fault has no byte range."""
    if fault.byte_start is None or fault.byte_end is None:
        return 0
    return max(0, fault.byte_start - difference.byte_end, difference.byte_start - fault.byte_end)


def _build_fault(
    difference: Difference, caused: Sequence[Fault], recorded: Manifest, plan: ChunkPlan | None
) -> Fault:
    detail = DETAILS[difference.kind].format(recorded=recorded.size_bytes)
    details = list(dict.fromkeys(f"{fault.kind}: {fault.detail}" for fault in caused))
    times = [
        *_find_shown_times(difference, plan),
        *_list_times(fault for fault in caused if _overlaps(fault, difference)),
    ]
    times = times or _list_times(caused)
    return Fault(
        difference.kind,
        "; ".join([detail, *details]),
        start_s=min((start for start, _ in times), default=None),
        end_s=max((end for _, end in times), default=None),
        byte_start=difference.byte_start,
        byte_end=difference.byte_end,
    )


def _overlaps(fault: Fault, difference: Difference) -> bool:
    """Whether a fault is known to lie in these bytes; a fault of the sound, for example, has no byte range."""
    return fault.byte_start is not None and not _measure_distance(fault, difference)


def _list_times(found: Iterable[Fault]) -> list[tuple[float, float]]:
    return [
        (fault.start_s, fault.end_s)
        for fault in found
        if fault.start_s is not None and fault.end_s is not None
    ]


def _find_shown_times(difference: Difference, plan: ChunkPlan | None) -> list[tuple[float, float]]:
    """Times, in seconds, of the pictures whose packets lie in these bytes."""
    if plan is None:
        return []
    spans = []
    for chunk in plan.chunks:
        hit = [
            place.pts
            for place in chunk.places
            if place.position < difference.byte_end and place.position + place.size > difference.byte_start
        ]
        if hit:
            later = (time for time in chunk.pictures or () if time > max(hit))
            end = min(later, default=chunk.end_pts)
            spans.append((round(max(0.0, plan.seconds(min(hit))), 6), round(plan.seconds(end), 6)))
    return spans
