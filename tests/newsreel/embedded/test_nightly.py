"""Nightly DAGs are unpaused once, some minutes after the start, and left alone afterwards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from newsreel.embedded import nightly
from newsreel.embedded.nightly import DAGS, Nightly
from schemas.errors import DependencyError
from streaming.consumers.airflow_client import AirflowClient

FOLDER = Path(__file__).parents[3] / "dags"


class Airflow:
    """Records which DAGs are unpaused."""

    def __init__(self) -> None:
        self.unpaused: list[str] = []
        self.reachable = True

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def unpause(self, dag_id: str) -> None:
        if not self.reachable:
            raise DependencyError("away")
        self.unpaused.append(dag_id)


def test_each_is_unpaused_once_and_only_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "airflow").mkdir()
    airflow = Airflow()
    early = Nightly(tmp_path, lambda: cast("AirflowClient", airflow))
    early.turn()
    assert airflow.unpaused == []
    monkeypatch.setattr(nightly, "AFTER_S", 0.0)
    monkeypatch.setattr(nightly, "_RETRY_S", 0.0)
    due = Nightly(tmp_path, lambda: cast("AirflowClient", airflow))
    airflow.reachable = False
    due.turn()
    airflow.reachable = True
    for _ in range(3):
        due.turn()
    Nightly(tmp_path, lambda: cast("AirflowClient", airflow)).turn()
    assert airflow.unpaused == list(DAGS)


def test_these_are_the_dags_that_come_paused() -> None:
    paused = re.compile(r"is_paused_upon_creation=True")
    assert {path.stem for path in FOLDER.glob("*.py") if paused.search(path.read_text())} == set(DAGS)
