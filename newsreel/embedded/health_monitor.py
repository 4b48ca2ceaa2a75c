"""Thread that runs the health checks of components, so that a check without an answer never delays a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from newsreel.embedded.component import Health

STARTING_POLL_S = 0.5
POLL_S = 5.0
"""Seconds between two rounds of checks: until everything is up for the first time, and from then on."""
HUNG_READINGS = 2
"""Successive readings before a component counts as hung: a machine that wakes from sleep has one old heartbeat."""


@dataclass(frozen=True)
class Reading:
    """Newest health of a component's process that was started at `started`."""

    started: datetime
    health: Health
    hung_readings: int


class HealthMonitor:
    """Newest readings of all checks. `started` gives the time of each component's last start."""

    def __init__(
        self,
        checks: Mapping[str, Callable[[datetime], Health]],
        started: Callable[[str], datetime],
    ) -> None:
        self._checks = checks
        self._started = started
        self._readings: dict[str, Reading] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end after the check that it is at; its result is not used any more."""
        self._stopped.set()

    def read_health(self, name: str) -> Health:
        """Health of a component; one that was restarted is down until it was checked."""
        reading = self._current_reading(name)
        return reading.health if reading else Health("down", "not checked yet")

    def find_hang(self, name: str) -> str | None:
        """Why a component counts as hung; None where it does not."""
        reading = self._current_reading(name)
        return reading.health.detail if reading and reading.hung_readings >= HUNG_READINGS else None

    def check_all(self) -> None:
        """Run every check once."""
        for name, check in self._checks.items():
            if self._stopped.is_set():
                return
            started = self._started(name)
            before = self._current_reading(name)
            health = check(started)
            hung_readings = (before.hung_readings if before else 0) + 1 if health.state == "hung" else 0
            self._readings[name] = Reading(started, health, hung_readings)

    def _current_reading(self, name: str) -> Reading | None:
        reading = self._readings.get(name)
        return reading if reading and reading.started == self._started(name) else None

    def _run(self) -> None:
        pause_s = STARTING_POLL_S
        while not self._stopped.is_set():
            self.check_all()
            if all(self.read_health(name).state == "up" for name in self._checks):
                pause_s = POLL_S
            self._stopped.wait(pause_s)
