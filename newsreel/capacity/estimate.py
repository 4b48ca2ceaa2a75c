"""Capacity estimate: habits, machines, demand, growth and predictions, and its JSON document.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from newsreel.capacity.demand import Demand, StoredData, estimate_demand
from newsreel.capacity.growth import FACTORS, Stage
from newsreel.capacity.habits import Habits, list_habits
from newsreel.capacity.machines import UTILISATION, Kind, Machine, build_kinds
from newsreel.capacity.measured import Measurements
from newsreel.capacity.prediction import Prediction, predict
from newsreel.capacity.unit_costs import UnitCosts, derive_unit_costs
from pipelines.package.packaging import SEGMENT_S

YEAR_DAYS = 365


@dataclass(frozen=True)
class Estimate:
    """Estimate for some habits, on machines of one size, from measured unit costs."""

    habits: Habits
    machine: Machine
    costs: UnitCosts
    demand: Demand
    kinds: tuple[Kind, ...]
    without_edge: tuple[Kind, ...]
    growth: tuple[Stage, ...]
    predictions: tuple[Prediction, ...]

    def count_machines(self) -> int:
        """Count the machines of all kinds, with the edge cache."""
        return sum(kind.count(self.machine) for kind in self.kinds)

    def scale_to(self, dau: float) -> tuple[Kind, ...]:
        """Compute the load of each kind of machine for another number of daily active users."""
        return _estimate_kinds(replace(self.habits, dau=dau), self.costs)

    def as_dict(self) -> dict[str, Any]:
        """Return the document of `newsreel capacity --json`."""
        kinds_by_edge = zip(self.kinds, self.without_edge, strict=True)
        return {
            "habits": {
                habit.name: {"value": getattr(self.habits, habit.name), **habit.metadata}
                for habit in list_habits()
            },
            "machine": asdict(self.machine),
            "demand": {
                **asdict(self.demand),
                "stored": [_describe_stored(data, self.habits.replication) for data in self.demand.stored],
            },
            "machines": [
                {
                    "kind": kind.name,
                    "peak_cores": kind.cores,
                    "machines": kind.count(self.machine),
                    "machines_without_edge": bare.count(self.machine),
                }
                for kind, bare in kinds_by_edge
            ],
            "growth": [self._describe_stage(stage) for stage in self.growth],
            "prediction": [_describe_prediction(prediction) for prediction in self.predictions],
        }

    def _describe_stage(self, stage: Stage) -> dict[str, Any]:
        breaks = stage.find_limit(self.machine)
        return {
            "factor": stage.factor,
            "dau": stage.dau,
            "share_of_one_machine": {kind.name: kind.compute_load(self.machine) for kind in stage.kinds},
            "breaks_first": breaks.name if breaks else None,
            "moved_by": breaks.moved_by if breaks else None,
        }


def estimate(
    habits: Habits, measurements: Measurements, cores: int | None = None, utilisation: float = UTILISATION
) -> Estimate:
    """Estimate capacity, on machines with `cores` cores (default: as on the measured machine). Raises InputError."""
    costs = derive_unit_costs(measurements)
    machine = Machine(costs.cores if cores is None else cores, utilisation)
    growth = tuple(
        Stage(factor, habits.dau * factor, _estimate_kinds(replace(habits, dau=habits.dau * factor), costs))
        for factor in FACTORS
    )
    return Estimate(
        habits=habits,
        machine=machine,
        costs=costs,
        demand=estimate_demand(habits, costs, SEGMENT_S),
        kinds=_estimate_kinds(habits, costs),
        without_edge=_estimate_kinds(replace(habits, edge_share=0), costs),
        growth=growth,
        predictions=tuple(predict(measurements, costs)),
    )


def _estimate_kinds(habits: Habits, costs: UnitCosts) -> tuple[Kind, ...]:
    return build_kinds(estimate_demand(habits, costs, SEGMENT_S), costs, habits.peak)


def _describe_stored(data: StoredData, copies: float) -> Mapping[str, Any]:
    return {
        "kind": data.kind,
        "bytes_per_day": data.bytes_per_day,
        "kept_days": data.days,
        "bytes_after_a_year_all_copies": data.compute_bytes(YEAR_DAYS) * copies,
    }


def _describe_prediction(prediction: Prediction) -> Mapping[str, Any]:
    figure = prediction.measured
    return {
        "what": figure.what,
        "of": dict(figure.of),
        "unit": figure.unit,
        "predicted": prediction.predicted,
        "measured": figure.value,
        "off_by": prediction.off_by,
        "within_20_percent": prediction.holds,
        "command": figure.command,
        "conditions": dict(figure.conditions),
    }
