"""`newsreel bench lake`: from a change to the tables, against rebuilds by DuckDB and Polars, and under fire."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.lake import clicks, history, kills, replay
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive, positives
from benchmarks.report import Figure, Report, Say

PARTS = {
    "clicks": "300 writes a second through the API: when each event is in the lake",
    "refresh": "new events on top of more and more history, against DuckDB and Polars, which rebuild all of it",
    "replay": "a month day by day in a random order: the same tables",
    "kills": "consumers, Spark, Airflow and PostgreSQL killed under load: every event once, tables as from nothing",
}
USUAL = ("clicks", "refresh", "replay")
PACKAGES = ("newsreel", "deltalake", "pyarrow", "pyspark", "great-expectations", "duckdb", "polars")


def run(arguments: Sequence[str], say: Say) -> Report:
    """The bench; kills only where they are asked for, since they take a while. Raises DependencyError."""
    given = _options().parse_args(list(arguments))
    found = read_conditions(
        packages=PACKAGES, programs=(), parts=given.only, seed=given.seed, history_m=given.history
    )
    figures: list[Figure] = []
    for part in given.only:
        figures += _part(part, given, say)
    limits = [figure for figure in figures if figure.limit is not None]
    kept = sum(figure.passes for figure in limits)
    return Report("lake", kept, len(limits), "limits that are set", "limits kept", figures, found)


def _part(part: str, given: argparse.Namespace, say: Say) -> list[Figure]:
    if part == "clicks":
        return clicks.measure(given.seconds, given.seed, say)
    if part == "refresh":
        return history.measure(given.history, say)
    if part == "replay":
        return replay.measure(given.day_events, given.seed, say)
    return kills.measure(given.points, given.seed, given.resume, say)


def _options() -> Options:
    options = Options(
        "lake", "The lake: " + "; ".join(f"{name}: {does}" for name, does in PARTS.items()) + "."
    )
    options.add_parts(PARTS, USUAL)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=positive, default=60.0, help="of writes (60)")
    options.add_argument(
        "--history", type=positives, default=[1.0, 5.0, 20.0], help="sizes, in millions of events (1,5,20)"
    )
    options.add_argument("--day-events", type=count, default=20_000, help="a day of the month (20000)")
    options.add_kills()
    return options
