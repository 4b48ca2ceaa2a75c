"""All of an estimate, as one document and as what a picture and tables are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from newsreel.capacity.demand import Demand, Stored, demand
from newsreel.capacity.growth import FACTORS, Stage
from newsreel.capacity.habits import Habits, declared
from newsreel.capacity.machines import UTILISATION, Kind, Machine, kinds
from newsreel.capacity.measured import Measured
from newsreel.capacity.prediction import Prediction, predictions
from newsreel.capacity.unit_costs import UnitCosts, unit_costs
from pipelines.package.packaging import SEGMENT_S

YEAR_DAYS = 365


@dataclass(frozen=True)
class Estimate:
    """Of some habits, on machines of a kind, from figures that were measured."""

    habits: Habits
    machine: Machine
    costs: UnitCosts
    demand: Demand
    kinds: tuple[Kind, ...]
    without_edge: tuple[Kind, ...]
    growth: tuple[Stage, ...]
    predictions: tuple[Prediction, ...]

    def machines(self) -> int:
        """All together, with the edge cache."""
        return sum(kind.count(self.machine) for kind in self.kinds)

    def at(self, dau: float) -> tuple[Kind, ...]:
        """What the kinds of machine have to do with so many users."""
        return _kinds(replace(self.habits, dau=dau), self.costs)

    def as_dict(self) -> dict[str, Any]:
        """The document of `newsreel capacity --json`."""
        kinds_by_edge = zip(self.kinds, self.without_edge, strict=True)
        return {
            "habits": {
                one.name: {"value": getattr(self.habits, one.name), **one.metadata} for one in declared()
            },
            "machine": asdict(self.machine),
            "demand": {
                **asdict(self.demand),
                "stored": [_stored(one, self.habits.replication) for one in self.demand.stored],
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
            "growth": [self._stage(stage) for stage in self.growth],
            "prediction": [_prediction(one) for one in self.predictions],
        }

    def _stage(self, stage: Stage) -> dict[str, Any]:
        breaks = stage.breaks(self.machine)
        return {
            "factor": stage.factor,
            "dau": stage.dau,
            "share_of_one_machine": {kind.name: kind.share(self.machine) for kind in stage.kinds},
            "breaks_first": breaks.name if breaks else None,
            "moved_by": breaks.moved_by if breaks else None,
        }


def estimate(
    habits: Habits, found: Measured, cores: int | None = None, utilisation: float = UTILISATION
) -> Estimate:
    """The estimate, on machines with so many cores (those of the measured one). Raises InputError."""
    costs = unit_costs(found)
    machine = Machine(costs.cores if cores is None else cores, utilisation)
    growth = tuple(
        Stage(factor, habits.dau * factor, _kinds(replace(habits, dau=habits.dau * factor), costs))
        for factor in FACTORS
    )
    return Estimate(
        habits=habits,
        machine=machine,
        costs=costs,
        demand=demand(habits, costs, SEGMENT_S),
        kinds=_kinds(habits, costs),
        without_edge=_kinds(replace(habits, edge_share=0), costs),
        growth=growth,
        predictions=tuple(predictions(found, costs)),
    )


def _kinds(habits: Habits, costs: UnitCosts) -> tuple[Kind, ...]:
    return kinds(demand(habits, costs, SEGMENT_S), costs, habits.peak)


def _stored(one: Stored, copies: float) -> Mapping[str, Any]:
    return {
        "kind": one.kind,
        "bytes_per_day": one.bytes_per_day,
        "kept_days": one.days,
        "bytes_after_a_year_all_copies": one.after(YEAR_DAYS) * copies,
    }


def _prediction(one: Prediction) -> Mapping[str, Any]:
    return {
        "what": one.measured.what,
        "of": dict(one.measured.of),
        "unit": one.measured.unit,
        "predicted": one.predicted,
        "measured": one.measured.value,
        "off_by": one.off_by,
        "within_20_percent": one.holds,
        "command": one.measured.command,
        "conditions": dict(one.measured.conditions),
    }
