"""Rungs share a decoding where that loses no more than one rung to a kill, and workers end together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chunk_plan import plan
from pipelines.cutting import pieces
from pipelines.elements import FEWEST_A_WORKER, SHARED_MOST, dealt, elements, work
from pipelines.encoding import ChunkEncode
from pipelines.ladder import CODECS, INGEST_CODECS, ladder
from pipelines.source import probe
from pipelines.timeline import timeline
from tests.pipelines.conftest import Footage


@pytest.fixture
def chunk(footage: Footage) -> ChunkEncode:
    """The first chunk of 20 s of 320 x 240, on its largest rung."""
    whole = plan(probe(footage("long.mp4")))
    pictures, part = timeline(whole), pieces(whole)[0]
    times = pictures.times[: len(part.chunk.pictures or ())]
    rung = ladder(whole.video)[0]
    return ChunkEncode(part, rung, times, 0, pictures.timescale, pictures.step, pictures.rate)


def tasks(
    chunk: ChunkEncode, size: tuple[int, int], codecs: tuple[str, ...], chunks: int
) -> list[ChunkEncode]:
    """All rungs of so many chunks like this one, of a source of that size."""
    video = replace(chunk.piece.video, width=size[0], height=size[1])
    piece = replace(chunk.piece, video=video)
    return [
        replace(chunk, piece=piece, rung=rung, start=number)
        for rung in ladder(video, codecs)
        for number in range(chunks)
    ]


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (3840, 2160), (720, 1280)])
@pytest.mark.parametrize("codecs", [("h264",), INGEST_CODECS, CODECS])
def test_each_rung_is_in_one_element_that_is_hardly_more_work_than_the_largest_rung_alone(
    chunk: ChunkEncode, size: tuple[int, int], codecs: tuple[str, ...]
) -> None:
    asked = tasks(chunk, size, codecs, chunks=9)
    made = [element for element in elements(asked, 2) if isinstance(element, tuple)]
    assert Counter(task for element in made for task in element) == Counter(asked)
    assert len(made) < len(asked)
    largest = max(work((task,)) for task in asked)
    for element in made:
        assert len({task.start for task in element}) == 1
        assert work(element) <= SHARED_MOST * largest


def test_the_ladder_of_an_ingest_of_720_lines_decodes_twice(chunk: ChunkEncode) -> None:
    made = elements(tasks(chunk, (1280, 720), INGEST_CODECS, chunks=2), 1)
    names = sorted(
        sorted(task.rung.name for task in element) for element in made if isinstance(element, tuple)
    )
    assert names == sorted([["h264-720p"], ["av1-240p", "av1-720p", "h264-240p", "h264-480p"]] * 2)


def test_where_workers_would_be_idle_rungs_go_apart(chunk: ChunkEncode) -> None:
    asked = tasks(chunk, (1280, 720), INGEST_CODECS, chunks=1)
    for workers in (2, 8):
        assert len(elements(asked, workers)) == len(asked) == 5
    assert len(elements(asked, 1)) == FEWEST_A_WORKER


@given(st.lists(st.integers(1, 1_000), max_size=60), st.integers(1, 8))
def test_workers_that_take_turns_get_about_as_much(costs: list[int], workers: int) -> None:
    largest_first = sorted(costs, reverse=True)
    order = dealt(largest_first, workers)
    assert sorted(order) == sorted(costs)
    shares = [sum(order[worker::workers]) for worker in range(workers)]
    assert max(shares) - min(shares) <= max(costs, default=0)
