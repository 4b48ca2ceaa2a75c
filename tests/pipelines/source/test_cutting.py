"""Cutting: a piece gives exactly the pictures of its chunk, bit for bit as in the whole decode."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import media_tools
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.cutting import Piece, build_pieces, cut, decode_pictures
from pipelines.source.probe import probe
from schemas.errors import MediaToolError
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import decode


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "name", ["long.mp4", "b-pyramid.mkv", "vfr.mkv", "edit-list.mp4", "late-start.mkv", "fragmented.mp4"]
)
def test_pieces_give_the_pictures_of_the_whole(footage: Footage, name: str) -> None:
    parts = build_pieces(plan_chunks(probe(footage(name))))
    assert len(parts) > 1
    apart = [picture for part in parts for picture in digests(part)]
    assert apart == [digest for _, digest in decode(footage(name))]


def test_a_source_of_one_chunk_is_not_copied(footage: Footage, home: Path) -> None:
    [part] = build_pieces(plan_chunks(probe(footage("plain.mp4"))))
    with cut(part) as path:
        assert path == footage("plain.mp4")
    assert not home.exists()


def test_a_source_that_has_gone_is_told(footage: Footage, tmp_path: Path, home: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(footage("long.mp4").read_bytes())
    parts = build_pieces(plan_chunks(probe(source)))
    source.unlink()
    with pytest.raises(MediaToolError, match="was removed during processing"), cut(parts[0]):
        pass
    assert not home.exists()


def test_a_cut_is_gone_after_its_block(footage: Footage, home: Path) -> None:
    part = build_pieces(plan_chunks(probe(footage("long.mp4"))))[1]
    with cut(part) as path:
        assert path.is_relative_to(home)
    assert not path.exists()


def digests(part: Piece) -> list[str]:
    with cut(part) as path:
        stream = decode_pictures(part, path, strict=True)
        output = stream.output("pipe:1", format="framemd5", fps_mode="passthrough")
        said = media_tools.check(media_tools.ffmpeg_command(output)).decode()
    return [line.split(",")[5].strip() for line in said.splitlines() if not line.startswith("#")]
