"""Sound encodes: in sync with the video, and as long as the video."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.encoding.renditions import build_package
from stores.media import file_digest
from tests.pipelines.conftest import Footage, ffmpeg
from tests.pipelines.measure import find_onset_s, measure_loudness

pytestmark = pytest.mark.usefixtures("home")

FRAME_S = 1 / 24


def shift_streams(footage: Footage, folder: Path, *, sound_s: float = 0.0, picture_s: float = 0.0) -> Path:
    """The plain source with its sound or its picture starting later."""
    path, plain = folder / "shifted.mkv", str(footage("plain.mp4"))
    inputs = ("-itsoffset", str(picture_s), "-i", plain, "-itsoffset", str(sound_s), "-i", plain)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", str(path))
    return path


def test_late_sound_stays_late(footage: Footage, tmp_path: Path) -> None:
    source = shift_streams(footage, tmp_path, sound_s=0.7)
    with build_package(source, file_digest(source)) as package:
        assert find_onset_s(package.folder / "master.m3u8") == pytest.approx(0.7, abs=FRAME_S)


def test_sound_before_the_first_picture_is_cut(footage: Footage, tmp_path: Path) -> None:
    source = shift_streams(footage, tmp_path, picture_s=0.7)
    with build_package(source, file_digest(source)) as package:
        *_, sound, _ = package.renditions
        assert find_onset_s(package.folder / "master.m3u8") <= FRAME_S
        assert sound.duration_s == pytest.approx(3, abs=FRAME_S)


def test_short_sound_goes_on_in_silence(footage: Footage, tmp_path: Path) -> None:
    source = tmp_path / "short.mp4"
    inputs = ("-i", str(footage("plain.mp4")), "-t", "1", "-i", str(footage("sound.m4a")))
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", str(source))
    with build_package(source, file_digest(source)) as package:
        *_, sound, _ = package.renditions
        assert sound.duration_s == pytest.approx(3, abs=FRAME_S)
        assert measure_loudness(package.folder / "master.m3u8", 0.5, 0.3) > 0.02
        assert measure_loudness(package.folder / "master.m3u8", 1.5, 1) < 0.001


def test_sound_is_in_step_at_the_end_too(footage: Footage, tmp_path: Path) -> None:
    source = tmp_path / "burst.mp4"
    quiet = ("-af", "volume=0:enable='lt(t,2.5)'")
    ffmpeg("-i", str(footage("plain.mp4")), "-c:v", "copy", *quiet, "-c:a", "aac", str(source))
    with build_package(source, file_digest(source)) as package:
        assert package.duration_s == pytest.approx(3, abs=FRAME_S)
        assert find_onset_s(source) == pytest.approx(2.5, abs=FRAME_S)
        sounds = [made for made in package.renditions if made.frames is None]
        assert [made.name for made in sounds] == ["aac-64k", "opus-48k"]
        for made in sounds:
            playlist = package.folder / made.packaged.folder / "media.m3u8"
            assert find_onset_s(playlist) == pytest.approx(find_onset_s(source), abs=0.002)
