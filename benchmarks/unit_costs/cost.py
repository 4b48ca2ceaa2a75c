"""Measured unit costs, and the results of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIGNIFICANT = 4
"""Significant digits of a value: further ones are noise."""


@dataclass(frozen=True)
class Cost:
    """A cost of `value` in `unit`; if it is a total, `of` has the numbers of units of work that it is for."""

    name: str
    value: float
    unit: str
    what: str
    of: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self, run: str) -> dict[str, Any]:
        """Entry of the file of measured figures; `run` refers to the command and the conditions."""
        entry = {"value": float(f"{self.value:.{SIGNIFICANT}g}"), "unit": self.unit, "what": self.what}
        return {**entry, **({"of": dict(self.of)} if self.of else {}), "run": run}


@dataclass(frozen=True)
class RunCosts:
    """Results of one run: unit costs, and checks of another size, from which no unit cost is derived."""

    run: str
    command: str
    conditions: Mapping[str, Any]
    unit_costs: Sequence[Cost] = ()
    checks: Sequence[Cost] = ()
