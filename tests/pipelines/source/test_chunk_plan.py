"""Chunk plan: chunks decode independently, and together they are the whole source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.source.chunk_plan import ChunkPlan, find_clean_key_times, plan_chunks
from pipelines.source.packets import Packet, read_packets
from pipelines.source.probe import probe
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import decode


def plan_footage(footage: Footage, name: str) -> ChunkPlan:
    return plan_chunks(probe(footage(name)))


@pytest.mark.parametrize(
    "name", ["long.mp4", "b-pyramid.mkv", "vfr.mp4", "vfr.mkv", "edit-list.mp4", "late-start.mkv"]
)
def test_chunks_are_the_whole_without_gap_or_overlap(footage: Footage, name: str) -> None:
    found = plan_footage(footage, name)
    assert len(found.chunks) > 1
    for earlier, later in zip(found.chunks, found.chunks[1:], strict=False):
        assert earlier.end_pts == later.start_pts
    pictures = [time for chunk in found.chunks for time in chunk.pictures or ()]
    ticks = [round((time - found.first_pts) * float(found.video.time_base), 4) for time in pictures]
    shown = [time for time, _ in decode(footage(name))]
    assert ticks == [round(time - shown[0], 4) for time in shown]


def test_chunks_are_long_enough_to_be_worth_it(footage: Footage) -> None:
    found = plan_footage(footage, "long.mp4")
    lengths = [found.seconds(chunk.end_pts) - found.seconds(chunk.start_pts) for chunk in found.chunks]
    assert lengths == pytest.approx([8, 12])


def test_bytes_of_a_chunk_hold_all_its_packets(footage: Footage) -> None:
    found = plan_footage(footage, "long.mp4")
    packets = read_packets(found.source)
    for chunk in found.chunks:
        assert chunk.byte_start is not None
        assert chunk.byte_end is not None
        for packet in packets:
            if packet.pts is not None and chunk.start_pts <= packet.pts < chunk.end_pts:
                assert packet.position is not None
                assert chunk.byte_start <= packet.position
                assert packet.position + packet.size <= chunk.byte_end


@pytest.mark.parametrize("name", ["open-gop.mp4", "intra-refresh.mp4"])
def test_key_frames_that_do_not_reset_the_decoder_part_nothing(footage: Footage, name: str) -> None:
    assert len(plan_footage(footage, name).chunks) == 1


@pytest.mark.parametrize("name", ["mpeg2.ts", "raw.h264", "vp8.webm", "mpeg4.avi"])
def test_where_packets_do_not_tell_there_is_one_chunk_for_the_decoder(footage: Footage, name: str) -> None:
    [chunk] = plan_footage(footage, name).chunks
    assert chunk.pictures is None
    assert chunk.end_pts > chunk.start_pts


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), unique_by=lambda drawn: drawn[0], min_size=1))
def test_a_clean_key_frame_parts_decoding_and_showing_at_the_same_place(
    drawn: list[tuple[int, bool]],
) -> None:
    packets = [Packet(pts, None, 1, 1, 0, key, discard=False, content="") for pts, key in drawn]
    times = [pts for pts, _ in drawn]
    clean = find_clean_key_times(packets)
    for place, (pts, key) in enumerate(drawn):
        parts = (
            key and all(time < pts for time in times[:place]) and all(time >= pts for time in times[place:])
        )
        assert (pts in clean) == parts
