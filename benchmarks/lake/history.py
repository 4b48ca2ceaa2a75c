"""Part `refresh`: cost of new events on top of growing histories, against engines that rebuild all of it.

For each size of history: a refresh of 1 % of it, then a rebuild of the same tables by DuckDB and by Polars, then a
refresh of a million events. The start-up of each process is subtracted; for ours it is a refresh without new events.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.api.servers import servers
from benchmarks.fresh_home import FreshHome
from benchmarks.lake.programs import (
    MILLION,
    PEOPLE,
    Cost,
    rebuild,
    refresh,
    split_days,
    write_synthetic_events,
)
from benchmarks.report import Figure, Say
from schemas.errors import StageError
from schemas.tables import LIVE_TABLES

SHARE = 0.01
WITHIN_S = 60.0
GROWTH_LIMIT = 1.5
"""Growth of a million events' cost from the shortest history to the longest, which is twenty times as long."""
ENGINES = ("duckdb", "polars")


@dataclass(frozen=True)
class HistoryCosts:
    """Costs at one size of history, in millions of events."""

    millions: float
    start: Cost
    share: Cost
    million: Cost
    rebuilds: dict[str, Cost]


def measure(millions: Sequence[float], say: Say) -> list[Figure]:
    """Figures for each size, in one growing lake."""
    with FreshHome() as house, servers(house) as served:
        environment = {**house.environment, "NEWSREEL_DATABASE_URL": served.database_url}
        found = list(_measure_sizes(house, environment, sorted(millions), say))
    return [*_build_figures(found), *_find_crossings(found)]


def _measure_sizes(
    house: FreshHome, environment: dict[str, str], millions: Sequence[float], say: Say
) -> Iterator[HistoryCosts]:
    sizes: list[int] = []
    run = 0

    def add_events(*days: int) -> Cost:
        nonlocal run
        run += 1
        write_synthetic_events(environment, [*sizes, *days], len(sizes), PEOPLE)
        sizes.extend(days)
        return refresh(environment, f"bench-{run}")

    for history in millions:
        say(f"refresh: generating {history:g} M events of history")
        add_events(*split_days(int(history * MILLION) - sum(sizes)))
        start = refresh(environment, f"bench-start-{history:g}")
        share = add_events(int(history * MILLION * SHARE)) - start
        say(
            f"refresh: 1 % of {history:g} M in {share.wall_s:.1f} s, after a start-up of {start.wall_s:.1f} s"
        )
        rebuilds = {engine: _rebuild(engine, house, environment, say) for engine in ENGINES}
        million = add_events(MILLION) - start
        say(f"refresh: 1 M on {history:g} M in {million.wall_s:.1f} s")
        yield HistoryCosts(history, start, share, million, rebuilds)


def _rebuild(engine: str, house: FreshHome, environment: dict[str, str], say: Say) -> Cost:
    """Rebuild, and check the number of rows of each table. Raises StageError if one differs from ours."""
    folder = house.folder / engine
    cost, rows = rebuild(engine, house.list_lake_files("events"), folder, environment)
    shutil.rmtree(folder)
    ours = {
        declared.name: int(house.lake.query(f"SELECT count(*) AS n FROM {declared.name}")["n"][0].as_py())
        for declared in LIVE_TABLES
    }
    if rows != ours:
        raise StageError(f"{engine} rebuilds different tables: {rows} rows, ours {ours}")
    say(f"refresh: {engine} rebuilds all tables in {cost.wall_s:.1f} s, {cost.cpu_s:.0f} CPU s")
    return cost


def _build_figures(found: Sequence[HistoryCosts]) -> Iterator[Figure]:
    for one in found:
        at = f"refresh, {one.millions:g} M of history"
        yield Figure(f"{at}: 1 M events", one.million.wall_s, "s", limit=WITHIN_S)
        yield Figure(f"{at}: 1 M events, CPU", one.million.cpu_s, "s")
        yield Figure(f"{at}: 1 % of it", one.share.wall_s, "s")
        yield Figure(f"{at}: 1 % of it, CPU", one.share.cpu_s, "s")
        for engine, cost in one.rebuilds.items():
            yield Figure(f"{at}: rebuilt by {engine}", cost.wall_s, "s")
            yield Figure(f"{at}: rebuilt by {engine}, CPU", cost.cpu_s, "s")
            yield Figure(f"{at}: 1 % of it, of a rebuild by {engine}", one.share.wall_s / cost.wall_s, "x")
            yield Figure(f"{at}: the same in CPU", one.share.cpu_s / cost.cpu_s, "x")
        yield Figure(f"{at}: start of a refresh", one.start.wall_s, "s")
    first, last = found[0], found[-1]
    if last is not first:
        name = f"refresh: 1 M events on {last.millions:g} M of history, of on {first.millions:g} M"
        yield Figure(name, last.million.wall_s / first.million.wall_s, "x", limit=GROWTH_LIMIT)
        yield Figure(f"{name}, CPU", last.million.cpu_s / first.million.cpu_s, "x", limit=GROWTH_LIMIT)


def _find_crossings(found: Sequence[HistoryCosts]) -> Iterator[Figure]:
    """Size of history above which a refresh of 1 % is faster than a rebuild, interpolated between measured sizes."""
    for engine in ENGINES:
        points = [(one.millions, one.rebuilds[engine].wall_s - one.share.wall_s) for one in found]
        yield Figure(
            f"refresh of 1 % is sooner than {engine} from a history of", find_crossing(points), "M events"
        )


def find_crossing(points: Sequence[tuple[float, float]]) -> float | None:
    """Size at which the line through (size, gain) points, by ascending size, reaches 0; the first if all are above."""
    if points[0][1] >= 0:
        return points[0][0]
    for (size, gain), (next_size, next_gain) in pairwise(points):
        if next_gain >= 0:
            return size + (next_size - size) * -gain / (next_gain - gain)
    return None
