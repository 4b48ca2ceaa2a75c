"""The figures that were measured (`measured.json`): each with its unit, the command that gave it and its conditions.

`python -m benchmarks.unit_costs` makes the file. Figures of `checks` come from runs that no unit cost is taken from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.errors import DependencyError


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; where it is a total, for all of `of` together: how many of what were done."""

    value: float
    unit: str
    what: str
    command: str
    conditions: Mapping[str, Any]
    of: Mapping[str, float] = field(default_factory=dict)

    @property
    def amount(self) -> float:
        """How much was done, where that is of one kind."""
        [amount] = self.of.values()
        return amount

    @property
    def each(self) -> float:
        """The value for one of what was done."""
        return self.value / self.amount


@dataclass(frozen=True)
class Line:
    """A cost that has a part for each time and a part for each unit of work."""

    fixed: float
    each: float

    def at(self, amount: float) -> float:
        """The cost of so much at one time."""
        return self.fixed + self.each * amount


def line(small: Figure, large: Figure) -> Line:
    """Through two totals of different amounts."""
    each = (large.value - small.value) / (large.amount - small.amount)
    return Line(small.value - each * small.amount, each)


@dataclass(frozen=True)
class Measured:
    """All of the file."""

    unit_costs: Mapping[str, Figure]
    checks: Mapping[str, Figure]

    def __getitem__(self, name: str) -> Figure:
        """A unit cost. Raises DependencyError where the file does not have it."""
        if name not in self.unit_costs:
            raise DependencyError(
                f"measured.json has no {name}: measure it with `python -m benchmarks.unit_costs --out "
                "newsreel/capacity/measured.json`"
            )
        return self.unit_costs[name]


@cache
def measured() -> Measured:
    """What this release was measured at."""
    return read(json.loads(files("newsreel.capacity").joinpath("measured.json").read_text()))


def read(document: Mapping[str, Any]) -> Measured:
    """The figures of such a document, each with the command and conditions of its run."""
    runs = document["runs"]

    def figures(kind: str) -> dict[str, Figure]:
        return {
            name: Figure(**{key: value for key, value in one.items() if key != "run"}, **runs[one["run"]])
            for name, one in document[kind].items()
        }

    return Measured(figures("unit_costs"), figures("checks"))
