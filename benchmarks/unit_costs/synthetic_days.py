"""Part `made-days`: what events take in the lake, and what a refresh of the tables takes, on synthetic days.

Days of two sizes upon a history give what is the same for every refresh and what each event adds. The check is a day of
a size in between.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.api.servers import servers
from benchmarks.fresh_home import FreshHome
from benchmarks.lake.programs import MILLION, PEOPLE, refresh, write_synthetic_events
from benchmarks.report import Say
from benchmarks.unit_costs.cost import Cost
from schemas.tables import LIVE_TABLES
from stores.delta.maintenance import measure_size

HISTORY = MILLION
SMALL, LARGE, CHECK = 100_000, MILLION, 400_000


@dataclass(frozen=True)
class Bytes:
    """Of the newest versions."""

    events: int
    tables: int

    def __sub__(self, other: Bytes) -> Bytes:
        return Bytes(self.events - other.events, self.tables - other.tables)


@dataclass(frozen=True)
class Day:
    """What one day's events took: so many events, CPU of their refresh, bytes in the lake."""

    events: int
    core_s: float
    added: Bytes

    def costs(self, name: str) -> list[Cost]:
        """As figures."""
        of = {"events": float(self.events)}
        told = f"{self.events:,} synthetic events after a history of {HISTORY:,}"
        return [
            Cost(f"refresh_{name}", self.core_s, "core-s", f"{told}: CPU of their refresh", of),
            Cost(f"event_bytes_{name}", self.added.events, "bytes", f"{told}: bytes of `events`", of),
            Cost(f"table_bytes_{name}", self.added.tables, "bytes", f"{told}: bytes of the tables", of),
        ]


def measure(say: Say) -> tuple[list[Cost], list[Cost]]:
    """Unit costs and the check's, in a lake of its own."""
    with FreshHome() as house, servers(house) as served:
        environment = {**house.environment, "NEWSREEL_DATABASE_URL": served.database_url}
        sizes: list[int] = []

        def day(events: int) -> Day:
            before, held = _read_bytes(house), _count_events(house)
            write_synthetic_events(environment, [*sizes, events], len(sizes), PEOPLE)
            sizes.append(events)
            core_s = refresh(environment, f"unit-{len(sizes)}").cpu_s
            came = _count_events(house) - held
            say(f"made-days: {came} events, refreshed in {core_s:.1f} core-s")
            return Day(came, core_s, _read_bytes(house) - before)

        house.lake.ensure()
        day(HISTORY)
        small, large, check = day(SMALL), day(LARGE), day(CHECK)
    return [*small.costs("small"), *large.costs("large")], check.costs("check")


def _count_events(house: FreshHome) -> int:
    return measure_size(house.lake, "events").rows


def _read_bytes(house: FreshHome) -> Bytes:
    return Bytes(
        measure_size(house.lake, "events").size_bytes,
        sum(measure_size(house.lake, declared.name).size_bytes for declared in LIVE_TABLES),
    )
