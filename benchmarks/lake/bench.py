"""Freshness, refresh cost against rebuilds by DuckDB and Polars, and recovery of the lake: `newsreel bench lake`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.lake import clicks, history, kills, replay
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive, positives
from benchmarks.report import Figure, Report, Say

PARTS = {
    "clicks": "300 writes per second through the API: latency until each event is in the lake",
    "refresh": "new events on top of growing histories, against DuckDB and Polars, which rebuild all of it",
    "replay": "a month day by day in random order: the same tables",
    "kills": "consumers, Spark, Airflow and PostgreSQL killed under load: every event once, tables as after a rebuild",
}
DEFAULT_PARTS = ("clicks", "refresh", "replay")
PACKAGES = ("newsreel", "deltalake", "pyarrow", "pyspark", "great-expectations", "duckdb", "polars")


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench; kills only on request, since they take long. Raises DependencyError."""
    given = _options().parse_args(list(arguments))
    found = read_conditions(
        packages=PACKAGES, programs=(), parts=given.only, seed=given.seed, history_m=given.history
    )
    figures: list[Figure] = []
    for part in given.only:
        figures += _part(part, given, say)
    limits = [figure for figure in figures if figure.limit is not None]
    passed = sum(figure.passes for figure in limits)
    return Report("lake", passed, len(limits), "limits that are set", "limits kept", figures, found)


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
        "lake", "The lake: " + "; ".join(f"{name}: {line}" for name, line in PARTS.items()) + "."
    )
    options.add_parts(PARTS, DEFAULT_PARTS)
    options.add_argument(
        "--seed", type=int, default=1, help="seed of the writes and of the order (default: 1)"
    )
    options.add_argument(
        "--seconds", type=positive, default=60.0, help="duration of the writes (default: 60)"
    )
    options.add_argument(
        "--history",
        type=positives,
        default=[1.0, 5.0, 20.0],
        help="sizes of the history, in millions of events (default: 1,5,20)",
    )
    options.add_argument(
        "--day-events", type=count, default=20_000, help="events per replayed day (default: 20000)"
    )
    options.add_kills()
    return options
