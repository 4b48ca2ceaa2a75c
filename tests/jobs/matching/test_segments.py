"""Selection of segments: each shared moment is reported once, within both videos, best first."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.matching.samples import SAMPLE_S, SAMPLES_PER_S
from jobs.matching.segments import MIN_MATCHED, MIN_REST_S, Run, build_identical_segment, choose_segments

DURATION_S = 40.0
REFERENCES_S = {"film": 60.0, "clip": 5.0}


def build_run(
    start_s: float = 0.0,
    end_s: float = 10.0,
    offset_s: float = 0.0,
    video_id: str = "film",
    differing: int = 0,
    mean_distance: float = 8.0,
    spread: int = 100,
) -> Run:
    matched = int((end_s - start_s) * SAMPLES_PER_S)
    return Run(video_id, offset_s, start_s, end_s - SAMPLE_S, matched, differing, mean_distance, spread)


quarters = st.integers(0, 160).map(lambda slots: slots * SAMPLE_S)
runs = st.builds(
    lambda start_s, length_s, offset_s, video_id, differing, mean_distance, spread: build_run(
        start_s, start_s + length_s + SAMPLE_S, offset_s, video_id, differing, mean_distance, spread
    ),
    quarters,
    quarters,
    st.integers(-160, 240).map(lambda slots: slots * SAMPLE_S),
    st.sampled_from(sorted(REFERENCES_S)),
    st.integers(0, 40),
    st.floats(0, 60),
    st.integers(0, 128),
)


@given(st.lists(runs, max_size=12))
def test_segments_lie_within_both_videos_and_none_is_told_twice(found: list[Run]):
    segments = choose_segments(found, DURATION_S, REFERENCES_S)
    for segment in segments:
        assert 0 <= segment.query_start_s < segment.query_end_s <= DURATION_S
        assert 0 <= segment.reference_start_s < segment.reference_end_s <= REFERENCES_S[segment.video_id]
        assert 0 <= segment.score <= 1
    for video_id in REFERENCES_S:
        spans = sorted((one.query_start_s, one.query_end_s) for one in segments if one.video_id == video_id)
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


@given(st.lists(runs, max_size=12))
def test_the_best_come_first(found: list[Run]):
    scores = [segment.score for segment in choose_segments(found, DURATION_S, REFERENCES_S)]
    assert scores == sorted(scores, reverse=True)


@example(
    (
        [build_run(0, 1.25, mean_distance=1.0), build_run(0, 1.25)],
        [build_run(0, 1.25), build_run(0, 1.25, mean_distance=1.0)],
    )
)
@given(st.lists(runs, max_size=8).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_in_which_runs_were_found_changes_nothing(orders: tuple[list[Run], list[Run]]):
    one, other = (choose_segments(found, DURATION_S, REFERENCES_S) for found in orders)
    assert one == other


def test_nearly_all_of_both_is_whole_and_less_is_a_part():
    lengths = {"film": DURATION_S}
    [whole] = choose_segments([build_run(0, 36.25)], DURATION_S, lengths)
    [part] = choose_segments([build_run(0, 35.75)], DURATION_S, lengths)
    assert (whole.kind, part.kind) == ("whole", "part")


def test_all_of_a_short_video_inside_a_longer_one_is_a_part():
    [segment] = choose_segments([build_run(0, 4, offset_s=20)], 4.0, REFERENCES_S)
    assert segment.kind == "part"
    assert (segment.reference_start_s, segment.reference_end_s) == (20.0, 24.0)


@pytest.mark.parametrize("start_s", [0.0, 10.0])
def test_a_shared_blink_is_nothing(start_s: float):
    blink = build_run(start_s, start_s + (MIN_MATCHED - 1) * SAMPLE_S)
    assert choose_segments([blink], DURATION_S, REFERENCES_S) == []


def test_a_run_whose_pictures_mostly_differ_is_nothing():
    assert choose_segments([build_run(0, 10, differing=41)], DURATION_S, REFERENCES_S) == []


def test_what_slow_motion_smears_over_other_offsets_is_told_once():
    told = choose_segments(
        [build_run(0, 20), build_run(4, 12, offset_s=0.5), build_run(6, 10, offset_s=-0.75)],
        40.0,
        REFERENCES_S,
    )
    assert [(one.query_start_s, one.query_end_s) for one in told] == [(0.0, 20.0)]


def test_a_loop_is_told_as_often_as_it_is_shown():
    told = choose_segments(
        [build_run(0, 8, offset_s=10), build_run(8, 16, offset_s=2)], DURATION_S, REFERENCES_S
    )
    assert len(told) == 2


def test_a_still_is_told_once_however_long_it_is_shown():
    shown = [build_run(4 * n, 4 * n + 4, offset_s=10 - 4 * n, spread=4) for n in range(6)]
    assert len(choose_segments(shown, DURATION_S, REFERENCES_S)) == 1


def test_what_is_left_of_a_run_beside_a_better_one_must_be_worth_telling():
    better, short, long = build_run(0, 20), build_run(19, 20 + MIN_REST_S - SAMPLE_S, 5), build_run(19, 25, 5)
    assert len(choose_segments([better, short], DURATION_S, REFERENCES_S)) == 1
    rest = choose_segments([better, long], DURATION_S, REFERENCES_S)[1]
    assert (rest.query_start_s, rest.query_end_s) == (20.0, 25.0)


def test_more_evidence_and_likelier_pictures_score_higher():
    [sure] = choose_segments([build_run(0, 20)], DURATION_S, REFERENCES_S)
    [short] = choose_segments([build_run(0, 2)], DURATION_S, REFERENCES_S)
    [faint] = choose_segments([replace(build_run(0, 20), mean_distance=40.0)], DURATION_S, REFERENCES_S)
    assert sure.score > short.score
    assert sure.score > faint.score


def test_the_same_bytes_are_whole_with_full_score():
    same = build_identical_segment("film", 12.3456)
    assert (same.kind, same.score, same.query_end_s) == ("whole", 1.0, 12.346)
