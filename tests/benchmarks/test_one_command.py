"""Peer of the ingest bench: one ffmpeg command that makes the same renditions as our chunks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.footage import Footage, make_footage
from benchmarks.ingest import run_one_command
from benchmarks.one_command import OneCommand, build_one_command, plan_whole_encodes
from benchmarks.pictures import count_decoded_pictures
from pipelines.ladder.ladder import INGEST_CODECS, build_ladder
from pipelines.source.probe import probe


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    footage = Footage(2.0, seed=1, width=640, height=360)
    return make_footage(footage, lambda _: None, tmp_path_factory.mktemp("film"))


@pytest.fixture
def peer(film: Path, tmp_path: Path) -> OneCommand:
    return build_one_command(film, tmp_path)


def test_it_makes_every_rung_and_the_sound(film: Path, peer: OneCommand) -> None:
    video = probe(film).video
    assert video is not None
    assert list(peer.rungs) == [rung.name for rung in build_ladder(video, INGEST_CODECS)]
    assert list(peer.voices) == ["aac-128k", "opus-96k"]
    assert peer.pictures == 48


def test_picture_and_sound_are_decoded_once_and_each_size_is_scaled_once(peer: OneCommand) -> None:
    [graph] = [peer.command[place + 1] for place, one in enumerate(peer.command) if one == "-filter_complex"]
    assert (graph.count("[0:0]"), graph.count("[1:1]")) == (1, 1)
    assert graph.count("]scale=") == len({name.partition("-")[2] for name in peer.rungs})


def test_its_settings_are_those_of_our_chunks_but_for_threads(film: Path, peer: OneCommand) -> None:
    rungs, sounds = plan_whole_encodes(film)
    declared = {task.rung.name: task.build_options() for task in rungs} | {
        sound.rung.name: sound.build_options() for sound in sounds
    }
    for name, file in (peer.rungs | peer.voices).items():
        end = peer.command.index(f"file:{file}")
        start = max(place for place in range(end) if peer.command[place] == "-map") + 2
        made = dict(zip(peer.command[start:end:2], peer.command[start + 1 : end : 2], strict=True))
        asked = {f"-{option}": str(value) for option, value in declared[name].items()}
        asked["-f"] = asked.pop("-format")
        for option, value in asked.items():
            ours, theirs = set(value.split(":")), set(made[option].split(":"))
            assert theirs < ours if option.endswith("-params") else theirs == ours
        assert made.keys() == asked.keys()
    assert not {"threads", "lp", "pools"} & set(re.split(r"[-:= ]", " ".join(peer.command)))


def test_what_it_makes_is_decoded_and_counted(film: Path, tmp_path: Path) -> None:
    made = run_one_command(film, tmp_path)
    assert set(made.pictures.values()) == {48}
    assert made.wall_s > 0
    assert made.cpu_s > 0


def test_a_lost_picture_is_noticed(film: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size * 3 // 4])
    with pytest.raises(Exception, match=r"ffmpeg failed|moov"):
        count_decoded_pictures(cut, "h264")
