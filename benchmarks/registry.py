"""Registry of all benches by name.

Tests: tests/newsreel/test_bench.py.
"""

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
    """`line`: what it measures, in one line; `run(arguments, say)` takes the command-line arguments after its name.

    A bench that cannot run raises a NewsreelError.
    """

    line: str
    run: Callable[[Sequence[str], Say], Report]


BENCHES: dict[str, Bench] = {
    "api": Bench("the live API under load and kills, against bare endpoints and a raw socket", api.run),
    "demo": Bench("the ingest DAG's overhead over its stages run by hand, broken down", demo.run),
    "ingest": Bench("ingest of long footage against one ffmpeg command; memory; many at once", ingest.run),
    "kills": Bench("kills at seeded points of the DAG, against an undisturbed run", kills.run),
    "lake": Bench("refresh of the tables against rebuilds by DuckDB and Polars; freshness; kills", lake.run),
    "ratelimit": Bench(
        "the five rate limiters against exact arithmetic, their peers and bare Redis", ratelimit.run
    ),
    "sql": Bench("analytical queries on 20 M events, against DuckDB on plain Parquet", questions.run),
}
