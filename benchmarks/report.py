"""Report of a bench: ours against a peer, with figures, limits and the conditions of the measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Say = Callable[[str], None]
"""One line of progress."""


@dataclass(frozen=True)
class Figure:
    """One measured figure. It passes at or below its `limit` (`at_least`: at or above); `target` is informative.

    A value of None was not measured, and fails any limit.
    """

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    target: float | None = None
    at_least: bool = False

    @property
    def passes(self) -> bool:
        """Whether the value is within the limit; true without a limit."""
        if self.limit is None:
            return True
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self) -> dict[str, Any]:
        """As `newsreel bench --json` prints it."""
        return {**asdict(self), "value": round_figure(self.value), "passes": self.passes}


@dataclass(frozen=True)
class Report:
    """Result of a bench. `ours` and `peer` are in `unit`; `breakdown`: parts of the overhead in seconds, by name."""

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    figures: Sequence[Figure]
    conditions: Mapping[str, Any]
    breakdown: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's; None if the peer's is 0."""
        return self.ours / self.peer if self.peer else None

    @property
    def passes(self) -> bool:
        """Whether every figure is within its limit."""
        return all(figure.passes for figure in self.figures)

    def as_dict(self) -> dict[str, Any]:
        """The document of `newsreel bench NAME --json`."""
        return {
            "name": self.name,
            "ours": round_figure(self.ours),
            "peer": round_figure(self.peer),
            "peer_name": self.peer_name,
            "unit": self.unit,
            "ratio": round_figure(self.ratio),
            "passes": self.passes,
            "figures": [figure.as_dict() for figure in self.figures],
            "breakdown": {part: round_figure(value) for part, value in self.breakdown.items()},
            "conditions": dict(self.conditions),
        }


def round_figure(value: float | None) -> float | None:
    """Round to a thousandth: further digits are noise."""
    return None if value is None else round(value, 3)
