"""Renditions: exactly the source's pictures at their times on every rung, the same bytes every time."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.encoding.renditions import build_package
from pipelines.package.manifests import MPD, list_dash_files, list_hls_files
from schemas.errors import InputError, MediaToolError
from stores.media import media
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import check_playback, decode, digest_folder, measure_loudness, measure_size

pytestmark = pytest.mark.usefixtures("home")

SOURCES = {
    "long.mp4": [(320, 240), (160, 120)],
    "vfr.mp4": [(320, 240), (160, 120)],
    "vfr.mkv": [(320, 240), (160, 120)],
    "b-pyramid.mkv": [(320, 240), (160, 120)],
    "odd.mp4": [(320, 240), (160, 120)],
    "rotated.mp4": [(240, 320), (120, 160)],
    "anamorphic.mp4": [(512, 288), (256, 144)],
    "edit-list.mp4": [(320, 240), (160, 120)],
    "late-start.mkv": [(320, 240), (160, 120)],
    "interlaced.ts": [(320, 240), (160, 120)],
    "vp8.webm": [(320, 240), (160, 120)],
    "av1.mp4": [(320, 240), (160, 120)],
    "mpeg4.avi": [(320, 240), (160, 120)],
}


AV1_TIMES = [number / 24 for number in range(48)]
"""The ffmpeg that tests measure with has no AV1 decoder."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("name", "sizes"), SOURCES.items(), ids=SOURCES)
def test_every_rung_has_the_pictures_of_the_source_at_their_times(
    footage: Footage, name: str, sizes: list[tuple[int, int]]
) -> None:
    times = [time for time, _ in decode(footage(name))] if name != "av1.mp4" else AV1_TIMES
    with build_package(footage(name), sha256(footage(name))) as package:
        rungs = [rendition for rendition in package.renditions if rendition.frames is not None]
        assert [measure_size(package.folder / rung.packaged.folder / "media.m3u8") for rung in rungs] == sizes
        for rung in rungs:
            found = [time for time, _ in decode(package.folder / rung.packaged.folder / "media.m3u8")]
            assert rung.frames == len(found) == len(times)
            apart = [
                abs((one - found[0]) - (other - times[0])) for one, other in zip(found, times, strict=True)
            ]
            assert max(apart) <= 1.1 / 1000


def test_both_manifests_name_the_same_files_and_all_of_them_are_there(footage: Footage) -> None:
    with build_package(footage("long.mp4"), sha256(footage("long.mp4"))) as package:
        files = {name for name in digest_folder(package.folder) if name.endswith((".mp4", ".m4s"))}
        assert files == list_hls_files(package.folder) == list_dash_files(package.folder)
        assert not any(name.startswith("/") or ".." in name for name in files)
        check_playback(package.folder / "master.m3u8")


def test_rates_in_both_manifests_are_those_of_the_segments(footage: Footage) -> None:
    with build_package(footage("long.mp4"), sha256(footage("long.mp4"))) as package:
        master = (package.folder / "master.m3u8").read_text()
        manifest = ET.parse(package.folder / "manifest.mpd")
        *pictures, aac, opus = package.renditions
        said = [
            (int(peak), int(mean))
            for peak, mean in re.findall(r"INF:BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+)", master)
        ]
        assert said == [
            (
                picture.packaged.rates.peak_bps + sound.packaged.rates.peak_bps,
                picture.packaged.rates.bitrate_bps + sound.packaged.rates.bitrate_bps,
            )
            for sound in (aac, opus)
            for picture in pictures
        ]
        declared = [
            int(found.attrib["bandwidth"])
            for found in manifest.iter(f"{{{MPD}}}Representation")
            if found.attrib["id"] != "thumbnails"
        ]
        assert sorted(declared) == sorted(
            rendition.packaged.rates.peak_bps for rendition in package.renditions
        )
        for rendition in package.renditions:
            segments = (package.folder / rendition.packaged.folder).glob("*.m4s")
            bits = 8 * sum(segment.stat().st_size for segment in segments)
            assert rendition.packaged.rates.bitrate_bps == pytest.approx(bits / 20, rel=0.01)


def test_segments_are_cut_at_the_same_pictures_on_every_rung(footage: Footage) -> None:
    with build_package(footage("vfr.mp4"), sha256(footage("vfr.mp4"))) as package:
        playlists = [
            (package.folder / made.packaged.folder / "media.m3u8").read_text() for made in package.renditions
        ]
        lengths = [[float(length) for length in re.findall(r"#EXTINF:([\d.]+)", text)] for text in playlists]
        assert lengths[0] == lengths[1]
        assert all(2 <= length <= 7 for length in lengths[0][:-1])


def test_a_kept_chunk_that_was_cut_off_on_disk_is_told_and_made_anew(footage: Footage) -> None:
    source = footage("plain.mp4")
    with build_package(source, sha256(source)) as package:
        before = digest_folder(package.folder)
    chunk = max((media().root / "kept").rglob("*.mp4"), key=lambda path: path.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])
    damaged = r"h264-240p: 1 cached chunks were damaged on disk and have been removed; run this again"
    with pytest.raises(MediaToolError, match=damaged), build_package(source, sha256(source)):
        pass
    with build_package(source, sha256(source)) as package:
        assert (package.encoded, package.reused) == (1, 3)
        assert digest_folder(package.folder) == before


def test_sound_alone_becomes_a_package_of_sound(footage: Footage) -> None:
    with build_package(footage("sound.mp3"), sha256(footage("sound.mp3"))) as package:
        assert [(sound.name, sound.frames) for sound in package.renditions] == [
            ("aac-64k", None),
            ("opus-48k", None),
        ]
        assert list_hls_files(package.folder) == list_dash_files(package.folder)
        blocks = decode(package.folder / "master.m3u8", stream="a")
        assert blocks[-1][0] == pytest.approx(3, abs=0.1)


def test_a_still_picture_is_not_encoded(footage: Footage) -> None:
    with pytest.raises(InputError, match="still picture"), build_package(footage("still.jpg"), "0" * 64):
        pass


def test_pictures_rise_without_gap_over_the_joins(footage: Footage) -> None:
    with build_package(footage("long.mp4"), sha256(footage("long.mp4"))) as package:
        folder = package.folder / package.renditions[0].packaged.folder
        times = [time for time, _ in decode(folder / "media.m3u8")]
        assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx(
            [1 / 24] * 479, abs=1e-6
        )
        assert measure_loudness(package.folder / "master.m3u8", 1, 1) > 0.01
