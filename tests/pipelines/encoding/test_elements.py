"""Beam elements: rungs of a chunk share a decode as far as memory allows, and workers finish together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.encoding.chunk import ChunkEncode
from pipelines.encoding.elements import SHARED_POINTS, build_elements, deal
from pipelines.encoding.timeline import build_timeline
from pipelines.ladder.ladder import CODECS, INGEST_CODECS, build_ladder
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.cutting import build_pieces
from pipelines.source.probe import probe
from tests.pipelines.conftest import Footage


@pytest.fixture
def chunk(footage: Footage) -> ChunkEncode:
    """The first chunk of 20 s of 320 x 240, on its largest rung."""
    whole = plan_chunks(probe(footage("long.mp4")))
    pictures, part = build_timeline(whole), build_pieces(whole)[0]
    times = pictures.times[: len(part.chunk.pictures or ())]
    rung = build_ladder(whole.video)[0]
    return ChunkEncode(part, rung, times, 0, pictures.timescale, pictures.step, pictures.rate)


def tasks(
    chunk: ChunkEncode, size: tuple[int, int], codecs: tuple[str, ...], chunks: int
) -> list[ChunkEncode]:
    """All rungs of so many chunks like this one, of a source of that size."""
    video = replace(chunk.piece.video, width=size[0], height=size[1])
    piece = replace(chunk.piece, video=video)
    return [
        replace(chunk, piece=piece, rung=rung, start=number)
        for rung in build_ladder(video, codecs)
        for number in range(chunks)
    ]


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (3840, 2160), (720, 1280)])
@pytest.mark.parametrize("codecs", [("h264",), INGEST_CODECS, CODECS])
def test_each_rung_is_in_one_element_which_holds_no_more_points_than_memory_is_meant_for(
    chunk: ChunkEncode, size: tuple[int, int], codecs: tuple[str, ...]
) -> None:
    asked = tasks(chunk, size, codecs, chunks=9)
    made = [element for element in build_elements(asked, 2) if isinstance(element, tuple)]
    assert Counter(task for element in made for task in element) == Counter(asked)
    assert len(made) < len(asked)
    for element in made:
        assert len({task.start for task in element}) == 1
        assert len(element) == 1 or sum(task.rung.points for task in element) <= SHARED_POINTS


def test_a_chunk_of_720_lines_is_decoded_once_but_for_the_last_of_each_worker(chunk: ChunkEncode) -> None:
    made = build_elements(tasks(chunk, (1280, 720), INGEST_CODECS, chunks=6), 2)
    sizes = [len(element) for element in made if isinstance(element, tuple)]
    assert sizes == [5] * 4 + [1] * 10


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_where_workers_would_be_idle_rungs_go_apart(chunk: ChunkEncode, workers: int) -> None:
    asked = tasks(chunk, (1280, 720), INGEST_CODECS, chunks=1)
    assert len(build_elements(asked, workers)) == len(asked) == 5


@given(st.lists(st.integers(1, 1_000), max_size=60), st.integers(1, 8))
def test_workers_that_take_turns_get_about_as_much(costs: list[int], workers: int) -> None:
    largest_first = sorted(costs, reverse=True)
    order = deal(largest_first, workers)
    assert sorted(order) == sorted(costs)
    shares = [sum(order[worker::workers]) for worker in range(workers)]
    assert max(shares) - min(shares) <= max(costs, default=0)
