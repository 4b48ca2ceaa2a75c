"""Faults of a file beside the record of its digests: all with their places in it, and each damage told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.inspection.digests import Difference, Manifest
from pipelines.source import faults
from pipelines.source.chunk_plan import ChunkPlan
from pipelines.source.faults import Fault

DETAILS = {
    faults.CHANGED_BYTES: "these bytes are not as recorded",
    faults.TRUNCATED: "the file ends before its recorded end, {recorded} bytes",
    faults.EXTRA_BYTES: "the file goes on beyond its recorded end, {recorded} bytes",
}


def locate_faults(
    found: Sequence[Fault], differing: Sequence[Difference], recorded: Manifest, plan: ChunkPlan | None
) -> tuple[Fault, ...]:
    """The faults to tell, in order.

    Where the file is as recorded: those that were found, their bytes within it, the whole of it where unknown. Where
    it differs: one fault for each difference. What else was found then comes of the damage, and is told in the details
    and times of the nearest difference: a decoder notices damage late, an index that is damaged shows elsewhere.
    """
    if not differing:
        return tuple(
            sorted((_clamp(fault, recorded.size_bytes) for fault in found), key=lambda fault: fault.sort_key)
        )
    symptoms: list[list[Fault]] = [[] for _ in differing]
    for fault in found:
        nearest = min(range(len(differing)), key=lambda number: _measure_distance(fault, differing[number]))
        symptoms[nearest].append(fault)
    told = [
        _build_fault(difference, caused, recorded, plan)
        for difference, caused in zip(differing, symptoms, strict=True)
    ]
    return tuple(sorted(told, key=lambda fault: fault.sort_key))


def _clamp(fault: Fault, size: int) -> Fault:
    start = min(fault.byte_start or 0, size)
    end = size if fault.byte_end is None else min(fault.byte_end, size)
    return replace(fault, byte_start=start, byte_end=max(start, end))


def _measure_distance(fault: Fault, difference: Difference) -> int:
    """Bytes between a fault and a difference, 0 where they meet or the fault's place is not known."""
    if fault.byte_start is None or fault.byte_end is None:
        return 0
    return max(0, fault.byte_start - difference.byte_end, difference.byte_start - fault.byte_end)


def _build_fault(
    difference: Difference, caused: Sequence[Fault], recorded: Manifest, plan: ChunkPlan | None
) -> Fault:
    detail = DETAILS[difference.kind].format(recorded=recorded.size_bytes)
    said = list(dict.fromkeys(f"{fault.kind}: {fault.detail}" for fault in caused))
    times = [
        *_find_shown_times(difference, plan),
        *_list_times(fault for fault in caused if _overlaps(fault, difference)),
    ]
    times = times or _list_times(caused)
    return Fault(
        difference.kind,
        "; ".join([detail, *said]),
        start_s=min((start for start, _ in times), default=None),
        end_s=max((end for _, end in times), default=None),
        byte_start=difference.byte_start,
        byte_end=difference.byte_end,
    )


def _overlaps(fault: Fault, difference: Difference) -> bool:
    """Whether a fault is known to lie in the bytes; one of the sound, say, has no place."""
    return fault.byte_start is not None and not _measure_distance(fault, difference)


def _list_times(found: Iterable[Fault]) -> list[tuple[float, float]]:
    return [
        (fault.start_s, fault.end_s)
        for fault in found
        if fault.start_s is not None and fault.end_s is not None
    ]


def _find_shown_times(difference: Difference, plan: ChunkPlan | None) -> list[tuple[float, float]]:
    """When the pictures show whose packets lie in the bytes, in seconds; nothing where no packet does."""
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
