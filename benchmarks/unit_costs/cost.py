"""One measured figure, and what a part of the measurement found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIGNIFICANT = 4
"""Digits: more would be noise."""


@dataclass(frozen=True)
class Cost:
    """`value` in `unit`, for all of `of` together where it is a total: how many of what were done."""

    name: str
    value: float
    unit: str
    what: str
    of: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self, run: str) -> dict[str, Any]:
        """As the file of measured figures has it; `run` names the command and the conditions."""
        told = {"value": float(f"{self.value:.{SIGNIFICANT}g}"), "unit": self.unit, "what": self.what}
        return {**told, **({"of": dict(self.of)} if self.of else {}), "run": run}


@dataclass(frozen=True)
class RunCosts:
    """What one run gave: unit costs, and runs of another size that no unit cost is taken from."""

    run: str
    command: str
    conditions: Mapping[str, Any]
    unit_costs: Sequence[Cost] = ()
    checks: Sequence[Cost] = ()
