"""Part `live`: cost of reads and writes in the API and PostgreSQL, bytes stored per write, throughput of the lake sink.

Costs are CPU times of the API's process and of PostgreSQL, which excludes the client and other programs. Each is
measured at two rates: at a low rate a server wakes up for every request, so part of the cost is independent of the
rate. The check is a mix of both, at other rates.
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
"""Requests per second."""
SECONDS, CLIENTS = 10, 32
ROUNDS = 3
"""Alternating rounds; the minimum counts, since other programs disturbed it least."""
BOTH = {"reads": 600, "writes": 150}
"""Requests per second of the check."""
VIDEOS = 2_000
"""Enough that two writes of one second rarely concern the same video: counters are added up per video once a second,
and the fewer videos there are, the smaller the share of that in each write."""
FILL_S = 60.0
SETTLED_WITHIN_S = 120.0
ROWS = ("views", "comments")
"""Tables that grow by every write; a reaction or a follow mostly exists already."""


@dataclass(frozen=True)
class Load:
    """A load of reads and writes at fixed rates, interleaved."""

    name: str
    rates: Mapping[str, int]

    @property
    def per_s(self) -> int:
        """Total requests per second."""
        return sum(self.rates.values())

    @property
    def description(self) -> str:
        """Rates in words."""
        return " and ".join(f"{rate:,} {kind}/s" for kind, rate in self.rates.items())

    def requests(self, mix: Mix) -> Iterator[bytes]:
        """All requests, in the order in which they are sent."""
        each = [
            (number / rate, mix.read if kind == "reads" else mix.write)
            for kind, rate in self.rates.items()
            for number in range(rate * SECONDS)
        ]
        return iter([draw() for _, draw in sorted(each, key=lambda one: one[0])])


@dataclass(frozen=True)
class CoreSeconds:
    """CPU seconds of the two programs."""

    api: float
    database: float

    def __sub__(self, other: CoreSeconds) -> CoreSeconds:
        return CoreSeconds(self.api - other.api, self.database - other.database)

    def costs(self, load: Load) -> list[Cost]:
        """Costs of the load."""
        of = {kind: float(rate * SECONDS) for kind, rate in load.rates.items()}
        return [
            Cost(f"{load.name}_api", self.api, "core-s", f"{load.description}: CPU of the API", of),
            Cost(
                f"{load.name}_database", self.database, "core-s", f"{load.description}: CPU of PostgreSQL", of
            ),
        ]


@dataclass(frozen=True)
class Storage:
    """Storage in PostgreSQL: bytes including indexes, and rows."""

    row_bytes: int
    rows: int
    event_bytes: int
    events: int


def measure(seed: int, say: Say) -> tuple[list[Cost], list[Cost]]:
    """Unit costs and those of the check. Raises StageError if a request fails."""
    with FreshHome() as house, servers(house) as served:
        house.lake.ensure()
        unit_costs, checks = asyncio.run(_measure_loads(house, served, seed, say))
        say("live: the sink drains the outbox into the lake")
        sink = _measure_sink(house, served)
    lasted = Cost("live_s", SECONDS, "s", "duration of each rate of reads and writes")
    return [*unit_costs, lasted, sink], checks


async def _measure_loads(
    house: FreshHome, served: Servers, seed: int, say: Say
) -> tuple[list[Cost], list[Cost]]:
    mix = await prepare_mix(served, "unit", seed, videos=VIDEOS, comments=COMMENTS)
    loads = [
        Load(f"{kind}_{pace}", {kind: rate}) for kind, paces in RATES.items() for pace, rate in paces.items()
    ]
    check = Load("both", BOTH)
    spent: dict[str, list[CoreSeconds]] = {load.name: [] for load in (*loads, check)}
    for number in range(ROUNDS):
        for load in (*loads, check):
            say(f"live: round {number + 1} of {ROUNDS}: {load.description} for {SECONDS} s")
            spent[load.name].append(
                await _measure_core_seconds(house, served, load.requests(mix), load.per_s)
            )
    say(f"live: closed loop of writes for {FILL_S:.0f} s")
    before = _read_storage(served)
    await run_closed_loop(served.port, _generate_writes(mix), seconds=FILL_S, clients=CLIENTS)
    after = _read_storage(served)
    costs = [cost for load in loads for cost in take_least(spent[load.name]).costs(load)]
    return [*costs, *_build_storage_costs(before, after)], take_least(spent[check.name]).costs(check)


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
    """Minimum of each program over the rounds."""
    return CoreSeconds(min(one.api for one in rounds), min(one.database for one in rounds))


async def _measure_core_seconds(
    house: FreshHome, served: Servers, requests: Iterator[bytes], rate: float
) -> CoreSeconds:
    """CPU seconds for these requests. Counters are added up once a second, hence the pause before each reading."""
    await asyncio.sleep(2)
    before = _read_core_seconds(house, served)
    answers = await run_open_loop(served.port, requests, rate=rate, clients=CLIENTS)
    await asyncio.sleep(2)
    if answers.failed:
        raise StageError(f"{answers.failed} answers failed: {dict(answers.statuses)}")
    return _read_core_seconds(house, served) - before


def _generate_writes(mix: Mix) -> Iterator[bytes]:
    while True:
        yield mix.write()


def _read_core_seconds(house: FreshHome, served: Servers) -> CoreSeconds:
    postgres = house.find_postgres()
    if postgres is None:
        raise StageError("PostgreSQL is not running")
    return CoreSeconds(_cpu_s(served.find_api()), _cpu_s(postgres))


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and its children, including terminated ones."""
    own = process.cpu_times()
    living = sum(child.cpu_times().user + child.cpu_times().system for child in process.children())
    return float(own.user + own.system + own.children_user + own.children_system + living)


def _read_storage(served: Servers) -> Storage:
    with served.connect() as connection:
        # Freed space is reused: without a VACUUM the sum would depend on the time of the last autovacuum.
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
    """Throughput of one sink in wall time: it is one process, which also waits for PostgreSQL and the disk.

    An open transaction, also of autovacuum, holds back the events after it for a while: these are drained in a later
    turn, and the time between turns is not counted. Raises StageError if some remain.
    """
    events, took_s = 0, 0.0
    deadline = time.monotonic() + SETTLED_WITHIN_S
    with psycopg.connect(served.database_url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        while left := measure_lag(connection):
            connection.rollback()
            if time.monotonic() > deadline:
                raise StageError(f"{left} events were still in the outbox after {SETTLED_WITHIN_S:.0f} s")
            begun = time.monotonic()
            drained = drain(connection, house.lake)
            if drained:
                events, took_s = events + drained, took_s + time.monotonic() - begun
            time.sleep(1)
    what = "the lake sink, catching up"
    return Cost("sink_events_per_s", events / took_s, "events/s", what, {"events": events})
