"""Settings: read from NEWSREEL_* alone, invalid ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import DependencyError, InputError
from schemas.settings import Settings, settings


@pytest.mark.usefixtures("home")
def test_unset_means_the_embedded_default(home: Path) -> None:
    found = settings()
    assert found.home == home
    assert found.lake_path == home / "lake"
    assert found.media_path == home / "media"
    assert found.database_url is None
    assert found.spark_master == "local[*]"


def test_a_home_with_spaces_is_the_same_folder_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_HOME", str(tmp_path / "a b%20c"))
    assert Settings().lake_path == tmp_path / "a b%20c" / "lake"


def test_a_dotenv_file_is_read_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("NEWSREEL_RETENTION_DAYS=3\nNEWSREEL_BEAM_RUNNER=PortableRunner\n")
    monkeypatch.setenv("NEWSREEL_BEAM_RUNNER", "DirectRunner")
    assert (Settings().retention_days, Settings().beam_runner) == (3, "DirectRunner")


@pytest.mark.usefixtures("home")
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_RETENTION_DAYS", "a week")
    with pytest.raises(InputError, match="NEWSREEL_RETENTION_DAYS"):
        settings()


def test_a_media_store_that_is_not_supported_yet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_MEDIA_URI", "s3://bucket/media")
    with pytest.raises(DependencyError, match="NEWSREEL_MEDIA_URI"):
        _ = Settings().media_path
