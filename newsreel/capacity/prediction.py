"""Runs that no unit cost was taken from: what the unit costs predict of them beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from newsreel.capacity.measured import Figure, Measured
from newsreel.capacity.unit_costs import UnitCosts

TOLERANCE = 0.2


@dataclass(frozen=True)
class Prediction:
    """One figure of such a run."""

    predicted: float
    measured: Figure

    @property
    def off_by(self) -> float:
        """How far the prediction is above what was measured, as a share of it."""
        return self.predicted / self.measured.value - 1

    @property
    def holds(self) -> bool:
        """Whether it is near enough."""
        return abs(self.off_by) <= TOLERANCE


PREDICTED: Mapping[str, Callable[[UnitCosts, Mapping[str, float]], float]] = {
    "ingest_check": lambda costs, of: costs.ingest_core_s.at(of["video_s"]),
    "both_api": lambda costs, of: (
        costs.live_s * costs.api_cores(of["reads"] / costs.live_s, of["writes"] / costs.live_s)
    ),
    "both_database": lambda costs, of: (
        costs.live_s * costs.database_cores(of["reads"] / costs.live_s, of["writes"] / costs.live_s)
    ),
    "refresh_check": lambda costs, of: costs.refresh_core_s.at(of["events"]),
    "event_bytes_check": lambda costs, of: costs.event_bytes.at(of["events"]),
    "table_bytes_check": lambda costs, of: costs.table_bytes.at(of["events"]),
}
"""What the unit costs say of so much work, by the name of the run's figure."""


def predictions(found: Measured, costs: UnitCosts) -> list[Prediction]:
    """All of them, from the amounts of each run and the unit costs alone."""
    return [Prediction(PREDICTED[name](costs, one.of), one) for name, one in found.checks.items()]
