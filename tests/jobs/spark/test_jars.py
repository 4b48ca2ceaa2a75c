"""Jars are fetched once, match the lock file, and survive a killed fetch."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import pytest

from jobs.spark import jars
from schemas.errors import DependencyError


@pytest.fixture(scope="module")
def fetched() -> list[Path]:
    """The real jars, from Maven Central unless this machine has cached them."""
    jars.resolve()
    return jars.jar_paths()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetched: list[Path]) -> list[int]:
    """An empty cache, filled from the machine's instead of Maven Central; the list counts the fetches."""
    fetches: list[int] = []

    def fetch(work: Path) -> Path:
        fetches.append(1)
        (work / "jars").mkdir()
        for path in fetched:
            shutil.copy(path, work / "jars")
        return work / "jars"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "fetch", fetch)
    return fetches


def test_the_lock_is_for_the_delta_that_is_installed():
    version = importlib.metadata.version("delta-spark")
    assert {jar.revision for jar in jars.read_lock_file() if jar.organisation == "io.delta"} == {version}


def test_before_the_first_fetch_the_error_says_what_to_run(empty_cache: list[int]):
    with pytest.raises(DependencyError, match=r"python -m jobs\.spark\.jars"):
        jars.jar_paths()


def test_they_are_fetched_once(empty_cache: list[int]):
    assert jars.resolve()
    assert not jars.resolve()
    assert len(empty_cache) == 1
    assert all(path.is_file() for path in jars.jar_paths())


def test_what_a_killed_fetch_left_is_swept_and_does_no_harm(empty_cache: list[int]):
    left = jars.jar_folder().parent / f"{jars.PARTIAL}of-a-killed-run"
    left.mkdir(parents=True)
    (left / "half.jar").write_bytes(b"half")
    assert jars.resolve()
    assert not left.exists()


def test_a_damaged_jar_is_noticed_and_fetched_again(empty_cache: list[int]):
    jars.resolve()
    damaged = jars.jar_paths()[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DependencyError):
        jars.jar_paths()
    assert jars.resolve()
    assert len(jars.jar_paths()) == len(jars.read_lock_file())


def test_other_bytes_than_the_locked_ones_are_not_kept(
    empty_cache: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lock = tmp_path / "jars.lock"
    content = jars.LOCK_FILE.read_text()
    lock.write_text(content.replace(jars.read_lock_file()[1].sha256, "0" * 64))
    monkeypatch.setattr(jars, "LOCK_FILE", lock)
    with pytest.raises(DependencyError, match=r"delta-storage.*nothing was kept"):
        jars.resolve()
    assert not jars.jar_folder().exists()


def test_the_command_says_what_it_did(empty_cache: list[int], capsys: pytest.CaptureFixture[str]):
    assert jars.main([]) == 0
    assert "from Maven Central to" in capsys.readouterr().out
    assert jars.main([]) == 0
    assert "there already" in capsys.readouterr().out
