"""Codecs, all four: exact pictures, key frames at the same ones, the same bytes every time."""

from __future__ import annotations

import re
import subprocess
from itertools import islice
from pathlib import Path

import pytest

from pipelines import media_tools
from pipelines.encoding.renditions import Package, build_package
from pipelines.ladder.ladder import CODECS
from schemas.settings import settings
from stores.media import file_digest, media
from tests.pipelines.conftest import ffmpeg
from tests.pipelines.measure import check_playback, digest_folder

pytestmark = pytest.mark.usefixtures("home")

TAGS = {"h264": "avc1", "hevc": "hvc1", "vp9": "vp09", "av1": "av01"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chunks of small moving pictures, and sound."""
    path = tmp_path_factory.mktemp("source") / "small.mp4"
    moving = "testsrc2=size=160x90:rate=12:duration=13"
    tone = "sine=frequency=440:sample_rate=48000:duration=13"
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "24", "-c:a", "aac")
    ffmpeg("-f", "lavfi", "-i", moving, "-f", "lavfi", "-i", tone, *codecs, str(path))
    return path


def packets(path: Path) -> list[tuple[float, bool]]:
    """Time in seconds of each packet of the picture as it is shown, and whether it is a key frame."""
    command = [
        *(media_tools.program("ffprobe"), "-v", "error", "-select_streams", "v:0"),
        *("-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", str(path)),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    fields = [line.split(",") for line in output.split()]
    return sorted((float(field[0]), "K" in field[1]) for field in fields)


def variants(package: Package) -> list[tuple[str, str, str]]:
    """Codec of the picture, the CODECS attribute and the sound's group of each entry of the master playlist."""
    text = (package.folder / "master.m3u8").read_text()
    return [
        (uri.partition("-")[0], codecs, group)
        for codecs, group, uri in re.findall(r'CODECS="([^"]+)".*?AUDIO="([^"]+)".*\n(.+)', text)
    ]


def test_all_codecs_have_the_same_pictures_and_the_same_bytes_every_time(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with build_package(source, file_digest(source), codecs=CODECS, workers=1) as package:
        first = digest_folder(package.folder)
        pictures = [rendition for rendition in package.renditions if rendition.frames is not None]
        assert [rendition.name for rendition in pictures] == [f"{codec}-90p" for codec in CODECS]
        tracks = [packets(package.folder / made.packaged.folder / "media.m3u8") for made in pictures]
        times = [number / 12 for number in range(156)]
        for track in tracks:
            assert [time - track[0][0] for time, _ in track] == pytest.approx(times, abs=1e-3)
            assert [key for _, key in track] == [key for _, key in tracks[0]]
        assert 6 <= sum(key for _, key in tracks[0]) <= 8
        for rendition in pictures:
            init = (package.folder / rendition.packaged.folder / "init.mp4").read_bytes()
            assert TAGS[rendition.rung.codec].encode() in init
        assert [(codec, found.split(",")[0][:4], group) for codec, found, group in variants(package)] == [
            ("h264", "avc1", "sound-aac"),
            ("hevc", "hvc1", "sound-aac"),
            ("vp9", "vp09", "sound-opus"),
            ("av1", "av01", "sound-opus"),
        ]
        check_playback(package.folder / "master.m3u8")
        check_playback(package.folder / "manifest.mpd")

    # As after an interruption: every third result has gone.
    for kept in islice(sorted((media().root / "kept").rglob("*.mp4")), 0, None, 3):
        kept.unlink()
    with build_package(source, file_digest(source), codecs=CODECS, workers=3) as package:
        assert (package.encoded, package.reused) == (4, 6)
        assert digest_folder(package.folder) == first

    monkeypatch.setenv("NEWSREEL_HOME", str(tmp_path / "elsewhere"))
    settings.cache_clear()
    with build_package(source, file_digest(source), codecs=CODECS, workers=2) as package:
        assert (package.encoded, package.reused) == (10, 0)
        assert digest_folder(package.folder) == first


def test_another_choice_of_codecs_reuses_what_is_there(source: Path) -> None:
    with build_package(source, file_digest(source), codecs=["h264"]) as package:
        assert [group for _, _, group in variants(package)] == ["sound-aac", "sound-opus"]
    with build_package(source, file_digest(source), codecs=["av1", "h264"]) as package:
        assert (package.encoded, package.reused) == (2, 4)
        assert [(codec, group) for codec, _, group in variants(package)] == [
            ("h264", "sound-aac"),
            ("av1", "sound-opus"),
        ]
