"""Packaging: every package is verified; a rendition's folder is named by its content."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.ladder.ladder import Rung
from pipelines.package.packaging import Track, verify_package, write_package
from pipelines.package.sprite_sheet import make_sprites
from schemas.errors import MediaToolError
from stores.media import folder_digest
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import check_playback, digest_folder


@pytest.fixture
def made(footage: Footage, tmp_path: Path) -> Path:
    return package_footage(footage, tmp_path / "first")


def package_footage(footage: Footage, folder: Path) -> Path:
    folder.mkdir()
    source = footage("plain.mp4")
    write_package(
        [Track("h264-240p", "video", "h264", source), Track("aac-64k", "audio", "aac", source)], folder
    )
    return folder


def test_a_package_plays_and_is_the_same_every_time(footage: Footage, made: Path, tmp_path: Path) -> None:
    check_playback(made / "master.m3u8")
    assert digest_folder(package_footage(footage, tmp_path / "second")) == digest_folder(made)


def test_a_folder_is_named_by_its_digest(made: Path) -> None:
    folders = [path for path in made.iterdir() if path.is_dir()]
    assert len(folders) == 2
    for folder in folders:
        assert re.fullmatch(r"(h264-240p|aac-64k)-[0-9a-f]{16}", folder.name)
        assert folder_digest(folder).startswith(folder.name[-16:])


def test_sprite_sheets_lie_in_the_package_and_both_manifests_lead_to_them(
    footage: Footage, tmp_path: Path
) -> None:
    folder, sheets = tmp_path / "package", tmp_path / "sheets"
    folder.mkdir()
    sheets.mkdir()
    made = make_sprites(footage("plain.mp4"), Rung("h264", 320, 240, 1), 3.0, sheets)
    write_package([Track("h264-240p", "video", "h264", footage("plain.mp4"))], folder, made)
    [inside] = folder.glob("sprites-*")
    assert folder_digest(inside).startswith(inside.name[-16:])
    assert f'VALUE="{inside.name}/thumbnails.vtt"' in (folder / "master.m3u8").read_text()
    manifest = (folder / "manifest.mpd").read_text()
    assert f'media="{inside.name}/$Number%05d$.jpg" duration="4"' in manifest
    assert 'schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="2x1"' in manifest
    verify_package(folder)
    check_playback(folder / "manifest.mpd")


def test_a_missing_file_is_told(made: Path) -> None:
    next(made.glob("*/00001.m4s")).unlink()
    with pytest.raises(MediaToolError, match="which is not in the package"):
        verify_package(made)


def test_manifests_that_name_different_files_are_refused(made: Path) -> None:
    manifest = made / "manifest.mpd"
    manifest.write_text(manifest.read_text().replace("init.mp4", "other.mp4"))
    with pytest.raises(MediaToolError, match="different files"):
        verify_package(made)


@pytest.mark.parametrize("name", ["a,b.mp4", "a=b.mp4"])
def test_a_path_that_the_packager_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaToolError, match="move HOME"):
        write_package([Track("h264-240p", "video", "h264", tmp_path / name)], tmp_path)
