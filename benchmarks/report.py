"""What a bench found: ours against a peer, with the figures that decide it and the conditions they hold under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Say = Callable[[str], None]
"""One line of progress."""


@dataclass(frozen=True)
class Figure:
    """One measured figure. With a `limit` it passes at or below it (`at_least`: at or above); `target` decides nothing.

    A value of None was not measured: it passes no limit.
    """

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    target: float | None = None
    at_least: bool = False

    @property
    def passes(self) -> bool:
        """Whether it keeps its limit; without one there is nothing to keep."""
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
    """A bench's answer. `ours` and `peer` in `unit`; `breakdown`: parts of a figure, by what they are, in seconds."""

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
        """Ours over the peer's; None where the peer took nothing."""
        return self.ours / self.peer if self.peer else None

    @property
    def passes(self) -> bool:
        """Whether every figure keeps its limit."""
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
    """To a thousandth: more would be noise."""
    return None if value is None else round(value, 3)
