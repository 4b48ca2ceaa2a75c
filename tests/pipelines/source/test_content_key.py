"""Content digests: the same content is not encoded twice, in another container, file or cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.encoding.renditions import build_package
from pipelines.source.content_key import digest_packets, digest_sound
from pipelines.source.packets import Packet
from pipelines.source.probe import probe
from stores.media import file_digest
from tests.pipelines.conftest import Footage, ffmpeg
from tests.pipelines.measure import digest_folder

pytestmark = pytest.mark.usefixtures("home")


def build(source: Path) -> tuple[int, int, dict[str, str]]:
    """Encoded and reused results, and digests of the files of a package."""
    with build_package(source, file_digest(source)) as package:
        return package.encoded, package.reused, digest_folder(package.folder)


def test_other_tags_change_nothing(footage: Footage, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.mov"
    ffmpeg("-i", str(footage("long.mp4")), "-c", "copy", "-metadata", "title=Another", str(renamed))
    first = build(footage("long.mp4"))
    assert file_digest(renamed) != file_digest(footage("long.mp4"))
    assert build(renamed) == (0, first[0], first[2])


def test_matroska_rounds_times_and_still_shares_every_picture(footage: Footage, tmp_path: Path) -> None:
    matroska = tmp_path / "long.mkv"
    ffmpeg("-i", str(footage("long.mp4")), "-c", "copy", str(matroska))
    first = build(footage("long.mp4"))[2]
    encoded, reused, files = build(matroska)
    assert (encoded, reused) == (2, 4)  # only the sound, whose times it rounds too
    pictures = {name for name in first if name.startswith(("h264", "sprites"))}
    assert {name: files.get(name) for name in pictures} == {name: first[name] for name in pictures}


def test_a_part_that_was_cut_without_encoding_shares_its_chunks(footage: Footage, tmp_path: Path) -> None:
    part = tmp_path / "part.mp4"
    ffmpeg("-ss", "8", "-i", str(footage("long.mp4")), "-an", "-c", "copy", str(part))
    build(footage("long.mp4"))
    assert build(part)[:2] == (0, 2)


def packet(content: str, pts: int | None, *, hidden: bool = False) -> Packet:
    return Packet(pts, None, 1, 1, 0, key=False, discard=hidden, content=content)


@given(
    st.lists(st.integers(0, 10_000), unique=True, min_size=2),
    st.integers(1, 90),
    st.integers(-(10**6), 10**6),
)
def test_clocks_have_no_part_in_what_packets_hold(times: list[int], scale: int, offset: int) -> None:
    here = [packet(f"{number}", time) for number, time in enumerate(times)]
    there = [packet(f"{number}", time * scale + offset) for number, time in enumerate(times)]
    assert digest_packets(here) == digest_packets(there)


def test_bytes_order_and_what_is_hidden_have_a_part() -> None:
    known = [packet("a", 0), packet("b", 2), packet("c", 1)]
    others = [
        [packet("a", 0), packet("b", 2), packet("d", 1)],
        [packet("a", 0), packet("b", 1), packet("c", 2)],
        [packet("a", 0, hidden=True), packet("b", 2), packet("c", 1)],
        [packet("a", None), packet("b", None), packet("c", None)],
        known[:2],
    ]
    digests = {digest_packets(packets) for packets in (known, *others)}
    assert len(digests) == 1 + len(others)


def test_sound_is_what_its_packets_hold_from_the_picture_on(footage: Footage) -> None:
    source = probe(footage("long.mp4"))
    assert source.audio is not None
    here = digest_sound(source, source.audio, 0.0)
    assert digest_sound(source, source.audio, 0.0) == here
    assert digest_sound(source, source.audio, 0.5) != here
    other = probe(footage("plain.mp4"))
    assert other.audio is not None
    assert digest_sound(other, other.audio, 0.0) != here
