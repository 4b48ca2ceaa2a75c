"""Part `live`: what a read and a write cost the API and PostgreSQL, bytes that a write leaves, how fast the sink is.

CPU time of the API's process and of PostgreSQL's, so that what the client takes, and other programs, are left out. Each
at two rates: a server that is asked seldom wakes up for every request, so that a part of the cost is the same for any
rate. The check is both at once, at other rates.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil
import psycopg
from psycopg.rows import dict_row

from benchmarks.api.load import run_closed_loop, run_open_loop
from benchmarks.api.mixes import COMMENTS, Mix, prepare_mix
from benchmarks.api.servers import Servers, servers
from benchmarks.fresh_home import FreshHome
from benchmarks.report import Say
from benchmarks.unit_costs.cost import Cost
from schemas.errors import StageError
from stores.outbox.lake_sink import drain, measure_lag

RATES = {"reads": {"slow": 300, "fast": 1_500}, "writes": {"slow": 100, "fast": 500}}
"""A second."""
SECONDS, CLIENTS = 10, 32
ROUNDS = 3
"""In turns; the least counts, which other programs have disturbed least."""
BOTH = {"reads": 600, "writes": 150}
"""A second, of the check."""
VIDEOS = 2_000
"""So many that hardly two acts of a second are on one: counters of a video are added up once a second, and the fewer
videos there are, the less of that falls on each act."""
FILL_S = 60.0
SETTLED_WITHIN_S = 120.0
ROWS = ("views", "comments")
"""Tables that grow by every write; a reaction or a follow is mostly one that is there already."""


@dataclass(frozen=True)
class Load:
    """So many reads and writes a second, taking turns."""

    name: str
    rates: Mapping[str, int]

    @property
    def per_s(self) -> int:
        """All of them."""
        return sum(self.rates.values())

    @property
    def description(self) -> str:
        """As a person says it."""
        return " and ".join(f"{rate:,} {kind}/s" for kind, rate in self.rates.items())

    def requests(self, made: Mix) -> Iterator[bytes]:
        """All that are sent."""
        each = [
            (number / rate, made.read if kind == "reads" else made.write)
            for kind, rate in self.rates.items()
            for number in range(rate * SECONDS)
        ]
        return iter([draw() for _, draw in sorted(each, key=lambda one: one[0])])


@dataclass(frozen=True)
class CoreSeconds:
    """Core-seconds of the two programs."""

    api: float
    database: float

    def __sub__(self, other: CoreSeconds) -> CoreSeconds:
        return CoreSeconds(self.api - other.api, self.database - other.database)

    def costs(self, load: Load) -> list[Cost]:
        """As figures."""
        of = {kind: float(rate * SECONDS) for kind, rate in load.rates.items()}
        return [
            Cost(f"{load.name}_api", self.api, "core-s", f"{load.description}: CPU of the API", of),
            Cost(
                f"{load.name}_database", self.database, "core-s", f"{load.description}: CPU of PostgreSQL", of
            ),
        ]


@dataclass(frozen=True)
class Storage:
    """What PostgreSQL holds: bytes with indexes, and rows."""

    row_bytes: int
    rows: int
    event_bytes: int
    events: int


def measure(seed: int, say: Say) -> tuple[list[Cost], list[Cost]]:
    """Unit costs and the check's. Raises StageError where an answer failed."""
    with FreshHome() as house, servers(house) as served:
        house.lake.ensure()
        unit_costs, checks = asyncio.run(_measure_loads(house, served, seed, say))
        say("live: the sink brings what was written into the lake")
        sink = _measure_sink(house, served)
    lasted = Cost("live_s", SECONDS, "s", "duration of each rate of reads and writes")
    return [*unit_costs, lasted, sink], checks


async def _measure_loads(
    house: FreshHome, served: Servers, seed: int, say: Say
) -> tuple[list[Cost], list[Cost]]:
    made = await prepare_mix(served, "unit", seed, videos=VIDEOS, comments=COMMENTS)
    loads = [
        Load(f"{kind}_{pace}", {kind: rate}) for kind, paces in RATES.items() for pace, rate in paces.items()
    ]
    check = Load("both", BOTH)
    spent: dict[str, list[CoreSeconds]] = {load.name: [] for load in (*loads, check)}
    for number in range(ROUNDS):
        for load in (*loads, check):
            say(f"live: round {number + 1} of {ROUNDS}: {load.description} for {SECONDS} s")
            spent[load.name].append(
                await _measure_core_seconds(house, served, load.requests(made), load.per_s)
            )
    say(f"live: writes as fast as they are answered for {FILL_S:.0f} s")
    before = _read_storage(served)
    await run_closed_loop(served.port, _generate_writes(made), seconds=FILL_S, clients=CLIENTS)
    after = _read_storage(served)
    found = [cost for load in loads for cost in take_least(spent[load.name]).costs(load)]
    return [*found, *_build_storage_costs(before, after)], take_least(spent[check.name]).costs(check)


def _build_storage_costs(before: Storage, after: Storage) -> list[Cost]:
    rows, events = after.rows - before.rows, after.events - before.events
    row_bytes = (after.row_bytes - before.row_bytes) / rows
    event_bytes = (after.event_bytes - before.event_bytes) / events
    kept = "a row of views or comments with its indexes, in PostgreSQL"
    event = "an event with its index, in PostgreSQL"
    return [
        Cost("row_bytes", row_bytes, "bytes", kept, {"rows": rows}),
        Cost("outbox_event_bytes", event_bytes, "bytes", event, {"events": events}),
    ]


def take_least(rounds: Sequence[CoreSeconds]) -> CoreSeconds:
    """The least of each program's."""
    return CoreSeconds(min(one.api for one in rounds), min(one.database for one in rounds))


async def _measure_core_seconds(
    house: FreshHome, served: Servers, requests: Iterator[bytes], rate: float
) -> CoreSeconds:
    """What answering these takes. Counters are added up once a second, so a moment is waited before each look."""
    await asyncio.sleep(2)
    before = _read_core_seconds(house, served)
    answers = await run_open_loop(served.port, requests, rate=rate, clients=CLIENTS)
    await asyncio.sleep(2)
    if answers.failed:
        raise StageError(f"{answers.failed} answers failed: {dict(answers.statuses)}")
    return _read_core_seconds(house, served) - before


def _generate_writes(made: Mix) -> Iterator[bytes]:
    while True:
        yield made.write()


def _read_core_seconds(house: FreshHome, served: Servers) -> CoreSeconds:
    postgres = house.find_postgres()
    if postgres is None:
        raise StageError("PostgreSQL does not run")
    return CoreSeconds(_cpu_s(served.api()), _cpu_s(postgres))


def _cpu_s(process: psutil.Process) -> float:
    """Of a process and its children, those that have ended included."""
    own = process.cpu_times()
    living = sum(child.cpu_times().user + child.cpu_times().system for child in process.children())
    return float(own.user + own.system + own.children_user + own.children_system + living)


def _read_storage(served: Servers) -> Storage:
    with served.connect() as connection:
        # What autovacuum frees is used again: without it the sum would tell when it last came by.
        connection.execute(f"VACUUM {', '.join(ROWS)}, events".encode())
        sizes = """SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint AS bytes
                   FROM pg_partition_tree(%s) WHERE isleaf"""

        def number(query: str, *values: str) -> int:
            row = connection.execute(query.encode(), values).fetchone()
            return int(str(next(iter(row.values())))) if row else 0

        return Storage(
            sum(number(sizes, name) or number("SELECT pg_total_relation_size(%s)", name) for name in ROWS),
            sum(number(f"SELECT count(*) FROM {name}") for name in ROWS),
            number(sizes, "events"),
            number("SELECT count(*) FROM events"),
        )


def _measure_sink(house: FreshHome, served: Servers) -> Cost:
    """One sink, wall time: it is one process, which waits for PostgreSQL and the disk in between.

    A transaction that still runs, autovacuum's too, holds back the events after it for a while: what it leaves is
    taken in another turn, and the time between turns is not counted. Raises StageError where some stay.
    """
    events, took_s = 0, 0.0
    deadline = time.monotonic() + SETTLED_WITHIN_S
    with psycopg.connect(served.database_url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        while left := measure_lag(connection):
            connection.rollback()
            if time.monotonic() > deadline:
                raise StageError(f"{left} events were not settled after {SETTLED_WITHIN_S:.0f} s")
            begun = time.monotonic()
            drained = drain(connection, house.lake)
            if drained:
                events, took_s = events + drained, took_s + time.monotonic() - begun
            time.sleep(1)
    what = "the lake sink, catching up"
    return Cost("sink_events_per_s", events / took_s, "events/s", what, {"events": events})
