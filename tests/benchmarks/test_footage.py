"""Footage: unique frames, reproducible bytes, the requested length."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.footage import FRAME_RATE, LONGEST_SCENE_S, SCENES, SHORTEST_SCENE_S, Footage, make_footage
from pipelines import media_tools
from pipelines.source.probe import probe
from schemas.errors import MediaToolError

SMALL = {"width": 320, "height": 180}


def ignore(_: str) -> None:
    """Discard progress messages."""


def list_pictures(path: Path) -> list[str]:
    command = [
        media_tools.program("ffmpeg"),
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:v",
        "-f",
        "framemd5",
        "-",
    ]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split(",")[-1].strip() for line in listed.splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Footage, Path]:
    footage = Footage(11.5, seed=3, **SMALL)
    return footage, make_footage(footage, ignore, tmp_path_factory.mktemp("footage"))


def test_no_frame_is_shown_twice(film: tuple[Footage, Path]) -> None:
    footage, path = film
    found = list_pictures(path)
    assert len(found) == footage.frames == round(11.5 * FRAME_RATE)
    assert len(set(found)) == len(found)


def test_it_is_h264_with_sound_of_the_same_length(film: tuple[Footage, Path]) -> None:
    source = probe(film[1])
    assert source.video is not None
    assert source.audio is not None
    assert (source.video.codec, source.video.shown_size) == ("h264", (320, 180))
    assert source.audio.codec == "aac"
    assert source.duration_s == pytest.approx(11.5, abs=0.1)


def test_another_seed_has_no_frame_of_it(film: tuple[Footage, Path], tmp_path: Path) -> None:
    other = make_footage(Footage(1.0, seed=4, **SMALL), ignore, tmp_path)
    assert not set(list_pictures(other)) & set(list_pictures(film[1]))


def test_it_is_made_once_and_the_same_bytes_when_made_again(tmp_path: Path) -> None:
    footage = Footage(1.0, **SMALL)
    first = make_footage(footage, ignore, tmp_path / "one")
    made = first.stat().st_mtime_ns
    assert make_footage(footage, ignore, tmp_path / "one").stat().st_mtime_ns == made
    assert make_footage(footage, ignore, tmp_path / "two").read_bytes() == first.read_bytes()


def test_scenes_last_some_seconds_and_no_two_are_drawn_alike() -> None:
    film = Footage(3600)
    scenes = list(film.scenes())
    assert sum(frames for frames, _ in scenes) == film.frames
    assert all(SHORTEST_SCENE_S <= frames / FRAME_RATE <= LONGEST_SCENE_S for frames, _ in scenes[:-1])
    assert len({scene for _, scene in scenes}) == len(scenes)


def test_a_film_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.footage.SCENES", (lambda _: "nosuchsource",) * len(SCENES))
    with pytest.raises(MediaToolError, match="nosuchsource"):
        make_footage(Footage(1.0, **SMALL), ignore, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_ends_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.footage.ENCODER", ("-c:v", "nosuchcodec"))
    with pytest.raises(MediaToolError, match="nosuchcodec"):
        make_footage(Footage(1.0, **SMALL), ignore, tmp_path)
    assert list(tmp_path.iterdir()) == []
