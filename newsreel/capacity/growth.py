"""What is full first as there are more users, and which setting moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newsreel.capacity.machines import Kind, Machine

FACTORS = (1, 10, 100)


@dataclass(frozen=True)
class Stage:
    """So many times the users, and what the kinds of machine have to do then."""

    factor: int
    dau: float
    kinds: Sequence[Kind]

    def full(self, machine: Machine) -> list[Kind]:
        """Kinds for which one machine is too little, the fullest first."""
        over = [kind for kind in self.kinds if kind.share(machine) > 1]
        return sorted(over, key=lambda kind: kind.share(machine), reverse=True)

    def breaks(self, machine: Machine) -> Kind | None:
        """What no further machine helps, where there is such a thing: the fullest one."""
        return next((kind for kind in self.full(machine) if not kind.several), None)
