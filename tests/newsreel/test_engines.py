"""`doctor` refuses a lake on this machine's disk only where the engine is really somewhere else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from newsreel.health import _check_engines
from schemas.errors import NewsreelError
from schemas.settings import settings


@pytest.fixture
def engines_of(home: Path, monkeypatch: pytest.MonkeyPatch):
    def engines_of(master: str, lake: str = "") -> str:
        monkeypatch.setenv("NEWSREEL_SPARK_MASTER", master)
        monkeypatch.setenv("NEWSREEL_LAKE_URI", lake)
        settings.cache_clear()
        return _check_engines()

    return engines_of


@pytest.mark.parametrize(
    "master", ["local[*]", "spark://127.0.0.1:7077", "spark://localhost:7077", "spark://[::1]:1,127.0.0.1:2"]
)
def test_an_engine_on_this_machine_sees_the_same_folder(engines_of, master: str):
    assert master in engines_of(master)


@pytest.mark.parametrize(
    "master",
    ["spark://192.0.2.1:7077", "spark://127.0.0.1:1,192.0.2.1:2", "spark://nowhere.invalid:7077", "spark://:1", "yarn",
     "k8s://https://127.0.0.1:6443"],
)  # fmt: skip
def test_an_engine_elsewhere_does_not(engines_of, master: str):
    with pytest.raises(NewsreelError, match="must see the same folder"):
        engines_of(master)
    assert master in engines_of(master, "s3://lake")


def test_this_machine_s_own_name_is_this_machine(engines_of):
    assert engines_of(f"spark://{socket.gethostname()}:7077")
