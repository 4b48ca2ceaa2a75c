"""Which benches there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import demo, ingest, kills, questions
from benchmarks.api import bench as api
from benchmarks.lake import bench as lake
from benchmarks.ratelimit import bench as ratelimit
from benchmarks.report import Report, Say


@dataclass(frozen=True)
class Bench:
    """`line` says in one line what it measures; `run(arguments, say)` takes what follows its name on the command line.

    A bench that could not run raises a NewsreelError.
    """

    line: str
    run: Callable[[Sequence[str], Say], Report]


BENCHES: dict[str, Bench] = {
    "api": Bench("the live API under load and under fire, against bare endpoints and a raw socket", api.run),
    "demo": Bench("the ingest DAG's overhead over its stages run by hand, broken down", demo.run),
    "ingest": Bench("ingest of long footage against one ffmpeg command; memory; many at once", ingest.run),
    "kills": Bench("killed at seeded points of the DAG, against a run that nobody disturbs", kills.run),
    "lake": Bench("from a change to the tables, against rebuilds by DuckDB and Polars; under fire", lake.run),
    "ratelimit": Bench(
        "the five rate limiters against exact arithmetic, their peers and bare Redis", ratelimit.run
    ),
    "sql": Bench("an analyst's questions to 20 M events, against DuckDB on plain Parquet", questions.run),
}
