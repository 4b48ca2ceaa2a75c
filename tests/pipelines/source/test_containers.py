"""Containers: a truncated file is recognized by the sizes that it declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.source.containers import read_structure
from tests.pipelines.conftest import Footage


@pytest.mark.parametrize(
    "name", ["plain.mp4", "moov-first.mp4", "fragmented.mp4", "vp9.webm", "vfr.mkv", "mpeg4.avi", "mpeg2.ts"]
)
def test_a_whole_file_lacks_nothing(footage: Footage, name: str) -> None:
    shape = read_structure(footage(name))
    assert shape.missing_bytes == 0
    assert shape.indexed


@pytest.mark.parametrize("name", ["moov-first.mp4", "vp9.webm", "mpeg4.avi"])
def test_a_cut_file_says_how_much_it_lacks(footage: Footage, tmp_path: Path, name: str) -> None:
    whole = footage(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[:-1000])
    assert read_structure(path).missing_bytes == 1000


def test_an_index_at_the_end_is_missed_when_it_was_cut_off(footage: Footage, tmp_path: Path) -> None:
    whole = footage("plain.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: whole.rindex(b"moov") - 4])
    assert not read_structure(path).indexed


@pytest.mark.parametrize(
    "content", [b"", b"\x1a\x45\xdf\xa3", b"RIFF", b"\x00\x00\x00\x08moov", b"\x00" * 64]
)
def test_any_bytes_have_some_structure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(content)
    assert read_structure(path).missing_bytes >= 0
