"""Java discovery finds a supported runtime, or says what to install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.spark import java
from jobs.spark.java import JAVA_VERSIONS, java_home, java_version
from schemas.errors import DependencyError


@pytest.fixture(autouse=True)
def looked_up_afresh() -> Iterator[None]:
    java_home.cache_clear()
    yield
    java_home.cache_clear()


def make_runtime(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text("#!/bin/sh\n")
    (folder / "bin" / "java").chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    return folder


def test_this_machines_runtime_is_one_that_spark_runs_on():
    assert java_version(java_home()) in JAVA_VERSIONS


@pytest.mark.parametrize(
    ("stated", "feature"), [("17.0.15", 17), ("21.0.2", 21), ("25", 25), ("1.8.0_402", 1)]
)
def test_a_runtimes_version_is_read_from_its_release_file(tmp_path: Path, stated: str, feature: int):
    assert java_version(make_runtime(tmp_path / "jdk", stated)) == feature


def test_a_folder_without_a_java_program_has_no_version(tmp_path: Path):
    assert java_version(tmp_path) is None


def test_java_home_of_another_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JAVA_HOME", str(make_runtime(tmp_path / "jdk", "25.0.1")))
    with pytest.raises(DependencyError, match=r"Java 25.*needs 17 or 21"):
        java_home()


def test_a_fitting_runtime_beside_a_newer_one_on_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    newer = make_runtime(tmp_path / "newer", "25.0.1")
    fitting = make_runtime(tmp_path / "jvm" / "java-21", "21.0.2")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(newer / "bin"))
    monkeypatch.setattr(java, "SYSTEM_RUNTIMES", fitting.parent)
    assert java_home() == fitting


def test_without_any_java_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "SYSTEM_RUNTIMES", tmp_path / "none")
    with pytest.raises(DependencyError, match="apt install openjdk-17-jre-headless"):
        java_home()
