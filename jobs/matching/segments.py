"""Segments that a video shares with its references, selected among runs so that none is reported twice.

Plain Python: one video has few runs, and each choice depends on the ones before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from jobs.matching.samples import HASH_BITS, SAMPLE_S

WHOLE_SHARE = 0.9
"""Share of both videos (interfaces.md: "whole: at least 90 % of both")."""
MIN_MATCHED = 5
"""Similar pictures that a part needs, unless it covers nearly all of one of the videos."""
MIN_MATCHED_SHARE = 0.5
"""Share of a run's pictures, flat ones excluded."""
MIN_REST_S = 1.5
"""Shortest piece reported of a run that is covered in part by segments already chosen."""
STILL_SPREAD = 16
"""Bits in which all pictures of a still differ at most. A still carries no time, so it is reported once."""


@dataclass(frozen=True)
class Run:
    """Consecutive pictures similar at one offset. Seconds on the query's clock; the last picture begins at `end_s`."""

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
        """Whether nothing moves in the run."""
        return self.spread <= STILL_SPREAD


@dataclass(frozen=True)
class Segment:
    """A contiguous part of the query and its place in the reference; half-open, in seconds of each one's clock."""

    video_id: str
    kind: Literal["whole", "part"]
    score: float
    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float


def build_identical_segment(video_id: str, duration_s: float) -> Segment:
    """The segment of a reference whose file has the same bytes."""
    return Segment(video_id, "whole", 1.0, 0.0, round(duration_s, 3), 0.0, round(duration_s, 3))


def choose_segments(
    runs: Iterable[Run], duration_s: float, reference_durations_s: Mapping[str, float]
) -> list[Segment]:
    """Segments selected from runs, best first; those of one reference do not overlap on the query's clock.

    The run with the most similar pictures is chosen first; of a later one the longest piece not yet covered is kept, if
    it is long enough. A moment of a reference may be reported again (a loop), unless nothing moves in the run.
    """
    chosen: list[Segment] = []
    in_order = sorted(runs, key=_evidence_key)
    for video_id, group in groupby(in_order, key=lambda run: run.video_id):
        covered: list[Segment] = []
        for run in group:
            segment = _build_segment(run, duration_s, reference_durations_s[video_id], covered)
            if segment is not None:
                covered.append(segment)
        chosen.extend(covered)
    return sort_best_first(chosen)


def _evidence_key(run: Run) -> tuple[Any, ...]:
    """Sort key: by video, then most evidence first. Includes every field, so that the input order has no effect."""
    evidence = (-run.matched, abs(run.offset_s), run.offset_s, run.start_s)
    return (run.video_id, *evidence, run.mean_distance, run.differing, run.end_s, run.spread)


def sort_best_first(segments: Iterable[Segment]) -> list[Segment]:
    """Segments by score, then length, then video id and start."""
    return sorted(
        segments,
        key=lambda one: (-one.score, one.query_start_s - one.query_end_s, one.video_id, one.query_start_s),
    )


def _build_segment(run: Run, duration_s: float, reference_s: float, covered: list[Segment]) -> Segment | None:
    # Clamped to both videos.
    start = max(run.start_s, 0.0, -run.offset_s)
    end = min(run.end_s + SAMPLE_S, duration_s, reference_s - run.offset_s)
    nearly_all = end - start >= WHOLE_SHARE * min(duration_s, reference_s)
    similar = run.matched >= MIN_MATCHED_SHARE * (run.matched + run.differing)
    if end <= start or not similar or not (run.matched >= MIN_MATCHED or nearly_all):
        return None
    if covered:
        start, end = _find_longest_rest(start, end, covered)
        if end - start < MIN_REST_S or (run.still and _overlaps_in_reference(run, start, end, covered)):
            return None
    whole = end - start >= WHOLE_SHARE * max(duration_s, reference_s)
    query = round(start, 3), round(end, 3)
    reference = round(max(start + run.offset_s, 0.0), 3), round(end + run.offset_s, 3)
    return Segment(run.video_id, "whole" if whole else "part", _compute_score(run), *query, *reference)


def _find_longest_rest(start: float, end: float, covered: list[Segment]) -> tuple[float, float]:
    rests, from_s = [], start
    for segment in sorted(covered, key=lambda one: one.query_start_s):
        rests.append((from_s, min(end, segment.query_start_s)))
        from_s = max(from_s, segment.query_end_s)
    rests.append((from_s, end))
    return max(rests, key=lambda rest: rest[1] - rest[0])


def _overlaps_in_reference(run: Run, start: float, end: float, covered: list[Segment]) -> bool:
    return any(
        start + run.offset_s < one.reference_end_s and end + run.offset_s > one.reference_start_s
        for one in covered
    )


def _compute_score(run: Run) -> float:
    """Similarity, 0 to 1. Unrelated pictures differ in half of their bits; little evidence lowers the score."""
    similarity = 1 - run.mean_distance / (HASH_BITS / 2)
    share = run.matched / (run.matched + run.differing)
    return round(max(similarity, 0.0) * share * run.matched / (run.matched + 1), 4)
