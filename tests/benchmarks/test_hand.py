"""Environment of stages run by hand: a real PostgreSQL in a HOME of its own, removed afterwards."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from benchmarks.hand import ORDER, build_stage_command, prepared_environment
from schemas.errors import DependencyError


def test_a_file_is_registered_and_the_server_held_for_as_long_as_it_takes(clip: Path) -> None:
    with prepared_environment(clip) as (environment, folder):
        url = environment["NEWSREEL_DATABASE_URL"]
        with psycopg.connect(url) as connection:
            videos = connection.execute("SELECT title, status FROM videos").fetchall()
        assert videos == [(clip.stem, "inspecting")]
        for stage in ORDER:
            assert Path(build_stage_command(stage, None)[0]).is_file()
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DependencyError), prepared_environment(tmp_path / "nosuch.mp4"):
        pass
    assert "nosuch.mp4" in capfd.readouterr().err
