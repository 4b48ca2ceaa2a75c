"""Growth in users: which kinds of machine are full, and which of them cannot scale out.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newsreel.capacity.machines import Kind, Machine

FACTORS = (1, 10, 100)


@dataclass(frozen=True)
class Stage:
    """A multiple of the users, and the load of each kind of machine."""

    factor: int
    dau: float
    kinds: Sequence[Kind]

    def find_full(self, machine: Machine) -> list[Kind]:
        """Find the kinds that need more than one machine, most loaded first."""
        full = [kind for kind in self.kinds if kind.compute_load(machine) > 1]
        return sorted(full, key=lambda kind: kind.compute_load(machine), reverse=True)

    def find_limit(self, machine: Machine) -> Kind | None:
        """Find the most loaded kind that is full and cannot scale out; None if there is none."""
        return next((kind for kind in self.find_full(machine) if not kind.several), None)
