"""Nothing large is begun on a disk with less free space than the floor; what frees space goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs import maintain_lake
from schemas.errors import StorageError
from schemas.settings import settings
from stores.delta import Lake
from stores.free_space import GIB, measure_free_bytes, require_free_space, try_write
from stores.media import MediaStore
from stores.stage import StageArguments, stage_attempt


def set_floor(monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    monkeypatch.setenv("NEWSREEL_FREE_SPACE_BYTES", str(size_bytes))
    settings.cache_clear()


@pytest.fixture
def above_floor(home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A floor that this disk is a little above; returns by how many bytes, of what others write meanwhile at least."""
    set_floor(monkeypatch, measure_free_bytes(home) - 4 * GIB)
    return 4 * GIB


def test_free_space_is_what_this_user_may_write(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    assert measure_free_bytes(tmp_path) == pytest.approx(disk.f_bavail * disk.f_frsize, abs=GIB)
    assert measure_free_bytes(tmp_path / "not" / "there") == pytest.approx(
        measure_free_bytes(tmp_path), abs=GIB
    )


def test_what_would_cross_the_floor_is_refused(tmp_path: Path, above_floor: int) -> None:
    require_free_space(tmp_path)
    require_free_space(tmp_path, above_floor // 4)
    with pytest.raises(StorageError, match=r"8\.0 GiB are to be written, and .* GiB have to stay free"):
        require_free_space(tmp_path, 2 * above_floor)


def test_no_floor_refuses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_floor(monkeypatch, 0)
    require_free_space(home.parent, 1 << 60)


def test_a_source_is_refused_before_a_byte_is_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    file = home / "film.mp4"
    file.write_bytes(b"film")
    set_floor(monkeypatch, 1 << 60)
    with pytest.raises(StorageError, match="NEWSREEL_FREE_SPACE_BYTES"):
        MediaStore(home / "media").add_source(file)
    assert not (home / "media").exists()


@pytest.mark.usefixtures("database_url")
def test_a_stage_is_refused_and_its_record_says_why(
    tables: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stores.stage.die_with_parent", lambda: None)
    set_floor(monkeypatch, 1 << 60)
    done = []
    with (
        pytest.raises(SystemExit),
        stage_attempt("encode", StageArguments("r", 1, "v", None, []), opens=True),
    ):
        done.append(True)
    assert not done
    [row] = tables.read("pipeline_runs").to_pylist()
    assert (row["state"], "have to stay free" in row["detail"]) == ("failed", True)
    assert "have to stay free" in capsys.readouterr().err


@pytest.mark.usefixtures("database_url")
def test_maintenance_goes_on_below_the_floor(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.stage.die_with_parent", lambda: None)
    set_floor(monkeypatch, 1 << 60)
    maintain_lake.main(["--run-id", "night", "--day", "2026-11-23"])
    assert tables.read("pipeline_runs")["state"].to_pylist() == ["succeeded"]


def test_a_folder_that_takes_no_writes_is_told(tmp_path: Path) -> None:
    try_write(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        try_write(tmp_path / "file")
