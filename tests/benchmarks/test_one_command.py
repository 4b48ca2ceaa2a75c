"""The peer: one ffmpeg command that makes what our chunks are made into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.footage import Footage, footage_file
from benchmarks.ingest import by_one_command
from benchmarks.one_command import OneCommand, one_command, whole_encodes
from benchmarks.pictures import decoded_pictures
from pipelines.ladder import INGEST_CODECS, ladder
from pipelines.source import probe


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    footage = Footage(2.0, seed=1, width=640, height=360)
    return footage_file(footage, lambda _: None, tmp_path_factory.mktemp("film"))


@pytest.fixture
def peer(film: Path, tmp_path: Path) -> OneCommand:
    return one_command(film, tmp_path)


def test_it_makes_every_rung_and_the_sound(film: Path, peer: OneCommand) -> None:
    video = probe(film).video
    assert video is not None
    rungs = [rung.name for rung in ladder(video, INGEST_CODECS)]
    assert [encode.name for encode in peer.encodes if encode.picture] == rungs
    assert [encode.name for encode in peer.encodes if not encode.picture] == ["aac-128k", "opus-96k"]
    assert peer.pictures == 48


def test_the_source_is_decoded_once(peer: OneCommand) -> None:
    assert peer.command.count("-i") == 1
    assert peer.command.count("-filter_complex") == 1


def test_its_settings_are_those_of_our_chunks_but_for_threads(
    film: Path, peer: OneCommand, tmp_path: Path
) -> None:
    encodes, _ = whole_encodes(film, tmp_path)
    for encode in encodes:
        end, own_end = (
            list(found).index(f"file:{encode.result}") for found in (peer.command, encode.command)
        )
        asked = encode.command[encode.command.index("-map") + 2 : own_end]
        made = peer.command[end - len(asked) : end]
        parameters = [place + 1 for place, option in enumerate(asked) if option.endswith("-params")]
        for place, (ours, theirs) in enumerate(zip(asked, made, strict=True)):
            assert theirs == ours or (place in parameters and set(theirs.split(":")) < set(ours.split(":")))
    assert not {"threads", "lp", "pools"} & set(re.split(r"[-:= ]", " ".join(peer.command)))


def test_what_it_makes_is_decoded_and_counted(film: Path, tmp_path: Path) -> None:
    made = by_one_command(film, tmp_path)
    assert set(made.pictures.values()) == {48}
    assert made.wall_s > 0
    assert made.cpu_s > 0


def test_a_lost_picture_is_noticed(film: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size * 3 // 4])
    with pytest.raises(Exception, match=r"ffmpeg failed|moov"):
        decoded_pictures(cut, "h264")
