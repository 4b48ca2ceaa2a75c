"""How many machines of which kind carry the peak, each used up to a share of what it can do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from newsreel.capacity.demand import DAY_S, Demand
from newsreel.capacity.unit_costs import UnitCosts
from schemas.errors import InputError

UTILISATION = 0.6
"""Of a machine at the peak, unless somebody says otherwise: the rest is for what nobody has reckoned with."""


@dataclass(frozen=True)
class Machine:
    """What is counted in: `cores`, of which `utilisation` (above 0, at most 1) is used at the peak."""

    cores: int
    utilisation: float = UTILISATION

    def __post_init__(self) -> None:
        """Hold both to what they can be."""
        if self.cores < 1:
            raise InputError(f"--cores {self.cores}: at least 1 is needed")
        if not 0 < self.utilisation <= 1:
            raise InputError(f"--utilisation {self.utilisation:g}: a share above 0 and at most 1 is needed")


@dataclass(frozen=True)
class Kind:
    """One kind of machine: cores at work at the peak, and what may be done once one machine is full.

    `several`: more than one may do it today. `one_core`: a single process that no more cores make faster.
    """

    name: str
    cores: float
    several: bool
    moved_by: str
    one_core: bool = False

    def share(self, machine: Machine) -> float:
        """Of what one machine takes at its utilisation: above 1 it is full."""
        return self.cores / ((1 if self.one_core else machine.cores) * machine.utilisation)

    def count(self, machine: Machine) -> int:
        """Machines, at least one."""
        return max(1, math.ceil(self.share(machine)))


def kinds(demand: Demand, costs: UnitCosts, peak: float) -> tuple[Kind, ...]:
    """All kinds, for a demand that is `peak` times its mean in its busiest minutes."""
    reads_per_s, writes_per_s = peak * demand.reads_per_s, peak * demand.writes_per_s
    return (
        Kind(
            "API",
            costs.api_cores(reads_per_s, writes_per_s)
            + peak * demand.upload_bytes_per_s * costs.upload_core_s_per_byte,
            several=True,
            moved_by="more of them behind a load balancer (NEWSREEL_TRUSTED_PROXIES)",
        ),
        Kind(
            "PostgreSQL",
            costs.database_cores(reads_per_s, writes_per_s),
            several=False,
            moved_by="NEWSREEL_DATABASE_URL, NEWSREEL_DATABASE_REPLICA_URL; docs/scaling/partitioning.md",
        ),
        Kind(
            "Redis",
            peak * demand.decisions_per_s / costs.redis_decisions_per_s,
            several=True,
            moved_by="a cluster in NEWSREEL_REDIS_URL",
            one_core=True,
        ),
        Kind(
            "media origin",
            peak * demand.origin_bytes_per_s * costs.media_core_s_per_byte,
            several=True,
            moved_by="an edge cache (docs/media.md); more on a shared NEWSREEL_MEDIA_URI",
        ),
        Kind(
            "encoders",
            peak * demand.encode_core_s_per_day / DAY_S,
            several=True,
            moved_by="NEWSREEL_BEAM_RUNNER; more workers on a shared NEWSREEL_MEDIA_URI",
        ),
        Kind(
            "lake sink",
            peak * demand.events_per_day / DAY_S / costs.sink_events_per_s,
            several=False,
            moved_by="a sink for each shard (docs/scaling/partitioning.md)",
            one_core=True,
        ),
        # Refreshes may wait for a quiet hour: the mean counts.
        Kind(
            "refresh of the tables",
            demand.refresh_core_s_per_day / DAY_S,
            several=True,
            moved_by="NEWSREEL_SPARK_MASTER (docs/cluster.md)",
        ),
    )
