"""Health of Airflow's components, judged by the heartbeats in its health endpoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from newsreel.embedded.health_checks import FIRST_HEARTBEAT_S, judge_heartbeat

START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def report(beat_s: float | None, status: str = "healthy", database: str = "healthy") -> dict[str, Any]:
    """A report whose last heartbeat came so many seconds after the component's start."""
    beat = None if beat_s is None else (START + timedelta(seconds=beat_s)).isoformat()
    scheduler = {"status": status, "latest_scheduler_heartbeat": beat}
    return {"metadatabase": {"status": database}, "scheduler": scheduler}


def judge(report: dict[str, Any], now_s: float) -> tuple[str, str]:
    return judge_heartbeat(report, "scheduler", START, START + timedelta(seconds=now_s))


def test_one_that_beats_is_up() -> None:
    assert judge(report(20), 22) == ("up", "")


def test_one_whose_heartbeat_has_stopped_hangs() -> None:
    assert judge(report(20, "unhealthy"), 55) == ("hung", "no heartbeat for 35 s")


def test_a_heartbeat_of_an_earlier_process_does_not_count() -> None:
    assert judge(report(-3), 2) == ("down", "no heartbeat since its start")
    assert judge(report(-300, "unhealthy"), 20) == ("down", "no heartbeat since its start")
    assert judge(report(None, "unhealthy"), 20) == ("down", "no heartbeat since its start")


def test_one_that_never_beats_hangs_after_a_while() -> None:
    assert judge(report(-300, "unhealthy"), FIRST_HEARTBEAT_S + 1)[0] == "hung"


def test_without_its_database_airflow_says_nothing_of_its_components() -> None:
    assert judge(report(20, "unhealthy", database="unhealthy"), 3600)[0] == "down"
