"""Predictions from the unit costs beside measured runs that no unit cost is derived from.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from newsreel.capacity.measured import Figure, Measurements
from newsreel.capacity.unit_costs import UnitCosts

TOLERANCE = 0.2


@dataclass(frozen=True)
class Prediction:
    """A predicted figure and the measured one."""

    predicted: float
    measured: Figure

    @property
    def off_by(self) -> float:
        """Relative error of the prediction."""
        return self.predicted / self.measured.value - 1

    @property
    def holds(self) -> bool:
        """Whether the error is within `TOLERANCE`."""
        return abs(self.off_by) <= TOLERANCE


PREDICTED: Mapping[str, Callable[[UnitCosts, Mapping[str, float]], float]] = {
    "ingest_check": lambda costs, of: costs.ingest_core_s.compute(of["video_s"]),
    "both_api": lambda costs, of: (
        costs.live_s * costs.compute_api_cores(of["reads"] / costs.live_s, of["writes"] / costs.live_s)
    ),
    "both_database": lambda costs, of: (
        costs.live_s * costs.compute_database_cores(of["reads"] / costs.live_s, of["writes"] / costs.live_s)
    ),
    "refresh_check": lambda costs, of: costs.refresh_core_s.compute(of["events"]),
    "event_bytes_check": lambda costs, of: costs.event_bytes.compute(of["events"]),
    "table_bytes_check": lambda costs, of: costs.table_bytes.compute(of["events"]),
}
"""Prediction from unit costs and amount of work, by the name of the measured figure."""


def predict(measurements: Measurements, costs: UnitCosts) -> list[Prediction]:
    """Predict every check from the amount of work of its run."""
    return [
        Prediction(PREDICTED[name](costs, figure.of), figure) for name, figure in measurements.checks.items()
    ]
