"""Segments that a video shares with its references: chosen among runs, so that none is told twice.

Plain Python: one video has few runs, and each choice depends on the ones before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from jobs.matching.samples import HASH_BITS, SAMPLE_S

WHOLE_SHARE = 0.9
"""Of both videos (interfaces: "whole: at least 90 % of both")."""
MIN_MATCHED = 5
"""Alike pictures that a part needs, where it is not nearly all of one of the videos."""
MIN_MATCHED_SHARE = 0.5
"""Of a run's pictures that say anything."""
MIN_REST_S = 1.5
"""Shortest piece that is told of a run when the rest of it was told already."""
STILL_SPREAD = 16
"""Bits within which all pictures of a run lie when nothing moves: a still tells no time, and is told once."""


@dataclass(frozen=True)
class Run:
    """Neighbouring pictures alike at one offset. Seconds on the query's clock; `end_s`: its last picture begins."""

    video_id: str
    offset_s: float
    start_s: float
    end_s: float
    matched: int
    differing: int
    mean_distance: float
    spread: int

    @property
    def still(self) -> bool:
        """Whether nothing moves in it."""
        return self.spread <= STILL_SPREAD


@dataclass(frozen=True)
class Segment:
    """A contiguous part of the query and where it lies in the reference; half-open, seconds on the pictures' clocks."""

    video_id: str
    kind: Literal["whole", "part"]
    score: float
    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float


def identical(video_id: str, duration_s: float) -> Segment:
    """The segment of a reference whose file has the very same bytes."""
    return Segment(video_id, "whole", 1.0, 0.0, round(duration_s, 3), 0.0, round(duration_s, 3))


def choose_segments(
    runs: Iterable[Run], duration_s: float, reference_durations_s: Mapping[str, float]
) -> list[Segment]:
    """The segments that runs tell of, best first; of one reference none overlaps another on the query's clock.

    The run with most alike pictures goes first; of a later one the longest piece not told yet stays, if it is long
    enough. A reference's moment may be told again (a loop), unless nothing moves in the run.
    """
    chosen: list[Segment] = []
    in_order = sorted(runs, key=_most_evidence_first)
    for video_id, group in groupby(in_order, key=lambda run: run.video_id):
        told: list[Segment] = []
        for run in group:
            segment = _segment(run, duration_s, reference_durations_s[video_id], told)
            if segment is not None:
                told.append(segment)
        chosen.extend(told)
    return best_first(chosen)


def _most_evidence_first(run: Run) -> tuple[Any, ...]:
    """Video by video; every field counts, so that the order in which runs were found does not."""
    evidence = (-run.matched, abs(run.offset_s), run.offset_s, run.start_s)
    return (run.video_id, *evidence, run.mean_distance, run.differing, run.end_s, run.spread)


def best_first(segments: Iterable[Segment]) -> list[Segment]:
    """By score, then length, then a fixed order."""
    return sorted(
        segments,
        key=lambda one: (-one.score, one.query_start_s - one.query_end_s, one.video_id, one.query_start_s),
    )


def _segment(run: Run, duration_s: float, reference_s: float, told: list[Segment]) -> Segment | None:
    # Both clocks end where their video does.
    start = max(run.start_s, 0.0, -run.offset_s)
    end = min(run.end_s + SAMPLE_S, duration_s, reference_s - run.offset_s)
    nearly_all = end - start >= WHOLE_SHARE * min(duration_s, reference_s)
    alike = run.matched >= MIN_MATCHED_SHARE * (run.matched + run.differing)
    if end <= start or not alike or not (run.matched >= MIN_MATCHED or nearly_all):
        return None
    if told:
        start, end = _longest_rest(start, end, told)
        if end - start < MIN_REST_S or (run.still and _told_of_reference(run, start, end, told)):
            return None
    whole = end - start >= WHOLE_SHARE * max(duration_s, reference_s)
    query = round(start, 3), round(end, 3)
    reference = round(max(start + run.offset_s, 0.0), 3), round(end + run.offset_s, 3)
    return Segment(run.video_id, "whole" if whole else "part", _score(run), *query, *reference)


def _longest_rest(start: float, end: float, told: list[Segment]) -> tuple[float, float]:
    rests, from_s = [], start
    for segment in sorted(told, key=lambda one: one.query_start_s):
        rests.append((from_s, min(end, segment.query_start_s)))
        from_s = max(from_s, segment.query_end_s)
    rests.append((from_s, end))
    return max(rests, key=lambda rest: rest[1] - rest[0])


def _told_of_reference(run: Run, start: float, end: float, told: list[Segment]) -> bool:
    return any(
        start + run.offset_s < one.reference_end_s and end + run.offset_s > one.reference_start_s
        for one in told
    )


def _score(run: Run) -> float:
    """How alike, 0 to 1: unrelated pictures differ in half of their bits; little evidence is worth less."""
    alike = 1 - run.mean_distance / (HASH_BITS / 2)
    share = run.matched / (run.matched + run.differing)
    return round(max(alike, 0.0) * share * run.matched / (run.matched + 1), 4)
