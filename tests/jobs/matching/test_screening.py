"""Screening: videos that share nothing with the corpus need no JVM; possible matches go to Spark."""

from __future__ import annotations

import random

import pytest

from jobs import match_video
from jobs.matching import screening
from jobs.matching.candidates import VOTE_DISTANCE
from jobs.matching.segments import Segment
from stores.delta import Lake
from tests.jobs.test_match_video import BLACK, Rows, add, add_noise, build_rows, make_film


class JvmStartedError(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise JvmStartedError

    monkeypatch.setattr(match_video, "spark_session", fail)


def find_segments(query: Rows) -> list[Segment]:
    return match_video.find_segments(query, 1000.0, lambda _: True)


def test_a_stranger_matches_nothing_and_starts_nothing(tables: Lake) -> None:
    add(
        tables,
        build_rows(make_film(1, 60), "a"),
        build_rows(make_film(2, 60), "b"),
        build_rows(make_film(3, 30), "dark", quality=BLACK),
    )
    assert find_segments(build_rows(make_film(4, 60), "query")) == []
    # Untrusted pictures on either side do not vote, however similar.
    assert find_segments(build_rows(make_film(1, 60), "query", quality=BLACK)) == []
    assert find_segments(build_rows(make_film(3, 30), "query")) == []
    assert find_segments(build_rows([b"short", b""], "query")) == []


@pytest.mark.parametrize(("bits", "alike"), [(0, True), (VOTE_DISTANCE, True), (VOTE_DISTANCE + 1, False)])
def test_one_picture_that_is_near_enough_is_looked_at_by_spark(tables: Lake, bits: int, alike: bool) -> None:
    pictures = make_film(1, 60)
    add(tables, build_rows(pictures, "a"))
    query = make_film(2, 60)
    query[17] = add_noise(pictures[101], random.Random(0), bits)
    assert screening.may_share_pictures(build_rows(query, "query"), but=[]) == alike
    assert not screening.may_share_pictures(build_rows(query, "query"), but=["a"])
    if alike:
        with pytest.raises(JvmStartedError):
            find_segments(build_rows(query, "query"))


def test_more_pairs_than_are_quick_are_left_to_spark(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tables, build_rows(make_film(1, 10), "a"))
    monkeypatch.setattr(screening, "MAX_PAIRS", 40 * 40)
    assert not screening.may_share_pictures(build_rows(make_film(2, 10), "query"), but=[])
    assert screening.may_share_pictures(build_rows(make_film(2, 10.25), "query"), but=[])
    assert not screening.may_share_pictures(build_rows(make_film(2, 10.25), "query"), but=["a'; --", "a"])
