"""Measured figures (`measured.json`): each with its unit, and the command and conditions of its run.

`python -m benchmarks.unit_costs` writes the file. Figures of `checks` come from runs that no unit cost is derived from.

Tests: tests/newsreel/test_capacity.py.
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
    """A `value` in `unit`; if it is a total, `of` maps units of work to their number."""

    value: float
    unit: str
    what: str
    command: str
    conditions: Mapping[str, Any]
    of: Mapping[str, float] = field(default_factory=dict)

    @property
    def amount(self) -> float:
        """Amount of work, where it has a single unit."""
        [amount] = self.of.values()
        return amount

    @property
    def each(self) -> float:
        """Value per unit of work."""
        return self.value / self.amount


@dataclass(frozen=True)
class Line:
    """Linear cost: `fixed` per run plus `each` per unit of work."""

    fixed: float
    each: float

    def compute(self, amount: float) -> float:
        """Compute the cost of one run with this amount of work."""
        return self.fixed + self.each * amount


def fit_line(small: Figure, large: Figure) -> Line:
    """Fit a line through two totals of different amounts."""
    each = (large.value - small.value) / (large.amount - small.amount)
    return Line(small.value - each * small.amount, each)


@dataclass(frozen=True)
class Measurements:
    """Content of `measured.json`."""

    unit_costs: Mapping[str, Figure]
    checks: Mapping[str, Figure]

    def __getitem__(self, name: str) -> Figure:
        """Return a unit cost. Raises DependencyError if the file lacks it."""
        if name not in self.unit_costs:
            raise DependencyError(
                f"measured.json has no {name}: measure it with `python -m benchmarks.unit_costs --out "
                "newsreel/capacity/measured.json`"
            )
        return self.unit_costs[name]


@cache
def load_measurements() -> Measurements:
    """Load the figures of this release."""
    return parse_measurements(json.loads(files("newsreel.capacity").joinpath("measured.json").read_text()))


def parse_measurements(document: Mapping[str, Any]) -> Measurements:
    """Parse a document; each figure gets the command and conditions of its run."""
    runs = document["runs"]

    def parse_figures(kind: str) -> dict[str, Figure]:
        return {
            name: Figure(
                **{key: value for key, value in figure.items() if key != "run"}, **runs[figure["run"]]
            )
            for name, figure in document[kind].items()
        }

    return Measurements(parse_figures("unit_costs"), parse_figures("checks"))
