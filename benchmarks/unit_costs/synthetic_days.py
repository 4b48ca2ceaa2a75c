"""Part `made-days`: storage of events in the lake, and cost of a refresh of the tables, on synthetic days.

Days of two sizes after a history give the constant cost of a refresh and the cost per event. The check is a day of a
size in between.
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
    """Bytes of the newest versions of `events` and of the live tables."""

    events: int
    tables: int

    def __sub__(self, other: Bytes) -> Bytes:
        return Bytes(self.events - other.events, self.tables - other.tables)


@dataclass(frozen=True)
class Day:
    """One day: number of events, CPU seconds of their refresh, bytes added to the lake."""

    events: int
    core_s: float
    added: Bytes

    def costs(self, name: str) -> list[Cost]:
        """Costs of the day."""
        of = {"events": float(self.events)}
        what = f"{self.events:,} synthetic events after a history of {HISTORY:,}"
        return [
            Cost(f"refresh_{name}", self.core_s, "core-s", f"{what}: CPU of their refresh", of),
            Cost(f"event_bytes_{name}", self.added.events, "bytes", f"{what}: bytes of `events`", of),
            Cost(f"table_bytes_{name}", self.added.tables, "bytes", f"{what}: bytes of the tables", of),
        ]


def measure(say: Say) -> tuple[list[Cost], list[Cost]]:
    """Unit costs and those of the check, in a lake of their own."""
    with FreshHome() as house, servers(house) as served:
        environment = {**house.environment, "NEWSREEL_DATABASE_URL": served.database_url}
        sizes: list[int] = []

        def add_day(events: int) -> Day:
            bytes_before, events_before = _read_bytes(house), _count_events(house)
            write_synthetic_events(environment, [*sizes, events], len(sizes), PEOPLE)
            sizes.append(events)
            core_s = refresh(environment, f"unit-{len(sizes)}").cpu_s
            added = _count_events(house) - events_before
            say(f"made-days: {added} events, refreshed in {core_s:.1f} core-s")
            return Day(added, core_s, _read_bytes(house) - bytes_before)

        house.lake.ensure()
        add_day(HISTORY)
        small, large, check = add_day(SMALL), add_day(LARGE), add_day(CHECK)
    return [*small.costs("small"), *large.costs("large")], check.costs("check")


def _count_events(house: FreshHome) -> int:
    return measure_size(house.lake, "events").rows


def _read_bytes(house: FreshHome) -> Bytes:
    return Bytes(
        measure_size(house.lake, "events").size_bytes,
        sum(measure_size(house.lake, declared.name).size_bytes for declared in LIVE_TABLES),
    )
