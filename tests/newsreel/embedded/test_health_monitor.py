"""Readings of the health monitor: a component hangs once two successive checks of one process agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsreel.embedded.component import Health
from newsreel.embedded.health_monitor import HealthMonitor

HUNG = Health("hung", "no heartbeat for 31 s")


class Bench:
    """One component whose health and start a test sets."""

    def __init__(self) -> None:
        self.health = Health("up")
        self.started = datetime.now(UTC)
        self.monitor = HealthMonitor({"program": lambda _started: self.health}, lambda _name: self.started)

    def check(self, health: Health) -> str | None:
        self.health = health
        self.monitor.check_all()
        return self.monitor.find_hang("program")


def test_one_reading_is_no_hang_and_two_are() -> None:
    bench = Bench()
    assert bench.check(Health("up")) is None
    assert bench.check(HUNG) is None
    assert bench.check(HUNG) == "no heartbeat for 31 s"


def test_a_heartbeat_in_between_starts_the_count_again() -> None:
    bench = Bench()
    assert [bench.check(health) for health in (HUNG, Health("up"), HUNG)] == [None] * 3


def test_a_process_that_was_replaced_is_judged_by_its_own_readings() -> None:
    bench = Bench()
    bench.check(HUNG)
    assert bench.check(HUNG)
    bench.started += timedelta(seconds=1)
    assert bench.monitor.find_hang("program") is None
    assert bench.monitor.read_health("program") == Health("down", "not checked yet")
    assert bench.check(HUNG) is None
