"""Machines for the peak: kinds, their load, and how many of each, used up to a share of their cores.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from newsreel.capacity.demand import DAY_S, Demand
from newsreel.capacity.unit_costs import UnitCosts
from schemas.errors import InputError

UTILISATION = 0.6
"""Default share of a machine used at the peak; the rest is headroom."""


@dataclass(frozen=True)
class Machine:
    """Size of a machine: `cores`, of which `utilisation` (above 0, at most 1) is used at the peak."""

    cores: int
    utilisation: float = UTILISATION

    def __post_init__(self) -> None:
        """Validate both."""
        if self.cores < 1:
            raise InputError(f"Invalid --cores {self.cores}: must be at least 1")
        if not 0 < self.utilisation <= 1:
            raise InputError(f"Invalid --utilisation {self.utilisation:g}: must be above 0 and at most 1")


@dataclass(frozen=True)
class Kind:
    """One kind of machine: cores busy at the peak, and what to do once one machine is full.

    `several`: scales out today. `one_core`: a single process, which more cores do not speed up.
    """

    name: str
    cores: float
    several: bool
    moved_by: str
    one_core: bool = False

    def compute_load(self, machine: Machine) -> float:
        """Compute the load as a multiple of one machine at its utilisation; above 1 it is full."""
        return self.cores / ((1 if self.one_core else machine.cores) * machine.utilisation)

    def count(self, machine: Machine) -> int:
        """Count the machines needed, at least one."""
        return max(1, math.ceil(self.compute_load(machine)))


def build_kinds(demand: Demand, costs: UnitCosts, peak: float) -> tuple[Kind, ...]:
    """Build all kinds of machine for a demand whose peak is `peak` times its mean."""
    reads_per_s, writes_per_s = peak * demand.reads_per_s, peak * demand.writes_per_s
    return (
        Kind(
            "API",
            costs.compute_api_cores(reads_per_s, writes_per_s)
            + peak * demand.upload_bytes_per_s * costs.upload_core_s_per_byte,
            several=True,
            moved_by="more of them behind a load balancer (NEWSREEL_TRUSTED_PROXIES)",
        ),
        Kind(
            "PostgreSQL",
            costs.compute_database_cores(reads_per_s, writes_per_s),
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
        # Refreshes can lag behind the peak, so the mean counts.
        Kind(
            "refresh of the tables",
            demand.refresh_core_s_per_day / DAY_S,
            several=True,
            moved_by="NEWSREEL_SPARK_MASTER (docs/cluster.md)",
        ),
    )
