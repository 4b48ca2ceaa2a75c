"""Day of a run: the given one, or that of its interval; none for a run that an asset started."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType

from dags.operators.program import day_of

START = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_type", "given", "day"),
    [
        ("scheduled", None, "2026-11-23"),
        ("backfill", None, "2026-11-23"),
        ("asset_triggered", None, None),
        ("manual", None, None),
        ("manual", "2026-11-01", "2026-11-01"),
        ("backfill", "2026-11-01", "2026-11-01"),
    ],
)
def test_a_run_stands_for_a_day_or_for_what_is_new(run_type: str, given: str | None, day: str | None) -> None:
    dag_run = SimpleNamespace(run_type=DagRunType(run_type))
    run: Any = {"params": {"day": given}, "dag_run": dag_run, "data_interval_start": START}
    assert day_of(run, "scheduled") == day
    assert day_of(run, "always") == (given or "2026-11-23")


def test_a_run_by_hand_without_an_interval_stands_for_no_day() -> None:
    run: Any = {
        "params": {},
        "dag_run": SimpleNamespace(run_type=DagRunType.MANUAL),
        "data_interval_start": None,
    }
    assert day_of(run, "always") is None
