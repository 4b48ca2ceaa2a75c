"""NAL check: bytes that no encoder writes are found where a decoder would decode them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.inspection.nal_check import find_illegal_packets, is_legal
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.cutting import build_pieces
from pipelines.source.probe import probe
from tests.pipelines.conftest import Footage


def unit(payload: bytes, kind: int = 1) -> bytes:
    body = bytes([kind]) + payload
    return len(body).to_bytes(4, "big") + body


@given(st.lists(st.binary(min_size=1).filter(lambda drawn: b"\0\0" not in drawn + b"\1"), min_size=1))
def test_units_with_their_lengths_are_legal(payloads: list[bytes]) -> None:
    assert is_legal(b"".join(unit(payload) for payload in payloads), 4)


@pytest.mark.parametrize(
    "packet",
    [
        unit(b"\7\0\0\0\7"),
        unit(b"\7\0\0\1\7"),
        unit(b"\7" * 9, kind=0x81),
        unit(b"\7" * 9)[:-1],
        unit(b"\7" * 9) + b"\0\0\0\0",
        b"\0" * 64,
    ],
    ids=["zeros", "start code", "forbidden bit", "cut off", "empty unit", "zeroed"],
)
def test_what_no_encoder_writes_is_illegal(packet: bytes) -> None:
    assert not is_legal(packet, 4)


def test_zeros_that_fill_a_unit_are_padding() -> None:
    assert is_legal(unit(b"\7\7\0\0\0\0\0"), 4)


@pytest.mark.parametrize(
    "name", ["long.mp4", "open-gop.mp4", "interlaced.ts", "vp9.webm", "vfr.mkv", "fragmented.mp4"]
)
def test_real_files_are_legal(footage: Footage, name: str) -> None:
    assert [find_illegal_packets(piece) for piece in build_pieces(plan_chunks(probe(footage(name))))].count(
        []
    ) >= 1


def test_the_clip_is_legal(clip: Path) -> None:
    assert [find_illegal_packets(piece) for piece in build_pieces(plan_chunks(probe(clip)))] == [[], []]
