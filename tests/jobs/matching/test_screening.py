"""Videos that share nothing with a corpus are told so without a JVM; whatever might match goes to Spark."""

from __future__ import annotations

import random

import pytest

from jobs import match_video
from jobs.matching import screening
from jobs.matching.candidates import VOTE_DISTANCE
from jobs.matching.segments import Segment
from stores.delta import Lake
from tests.jobs.test_match_video import BLACK, Rows, add, film, noisy, rows


class JvmStartedError(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise JvmStartedError

    monkeypatch.setattr(match_video, "spark_session", started)


def segments(query: Rows) -> list[Segment]:
    return match_video.find_segments(query, 1000.0, lambda _: True)


def test_a_stranger_matches_nothing_and_starts_nothing(tables: Lake) -> None:
    add(tables, rows(film(1, 60), "a"), rows(film(2, 60), "b"), rows(film(3, 30), "dark", quality=BLACK))
    assert segments(rows(film(4, 60), "query")) == []
    # Alike pictures that cannot be trusted, on either side, vote for nothing.
    assert segments(rows(film(1, 60), "query", quality=BLACK)) == []
    assert segments(rows(film(3, 30), "query")) == []
    assert segments(rows([b"short", b""], "query")) == []


@pytest.mark.parametrize(("bits", "alike"), [(0, True), (VOTE_DISTANCE, True), (VOTE_DISTANCE + 1, False)])
def test_one_picture_that_is_near_enough_is_looked_at_by_spark(tables: Lake, bits: int, alike: bool) -> None:
    pictures = film(1, 60)
    add(tables, rows(pictures, "a"))
    query = film(2, 60)
    query[17] = noisy(pictures[101], random.Random(0), bits)
    assert screening.may_share_pictures(rows(query, "query"), but=[]) == alike
    assert not screening.may_share_pictures(rows(query, "query"), but=["a"])
    if alike:
        with pytest.raises(JvmStartedError):
            segments(rows(query, "query"))


def test_more_pairs_than_are_quick_are_left_to_spark(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tables, rows(film(1, 10), "a"))
    monkeypatch.setattr(screening, "MAX_PAIRS", 40 * 40)
    assert not screening.may_share_pictures(rows(film(2, 10), "query"), but=[])
    assert screening.may_share_pictures(rows(film(2, 10.25), "query"), but=[])
    assert not screening.may_share_pictures(rows(film(2, 10.25), "query"), but=["a'; --", "a"])
