"""Live API under load and kills, against bare endpoints and a raw socket: `newsreel bench api`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from benchmarks.api import counts, kills, speed, uploads
from benchmarks.api.servers import Servers, bare, servers
from benchmarks.fresh_home import FreshHome
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive
from benchmarks.report import Figure, Report, Say

PARTS = {
    "counts": "1,000 concurrent likes, dislikes and views each on one video: counters against acknowledged writes",
    "reads": "1,000 reads per second: latency; throughput against a bare endpoint",
    "writes": "300 writes per second: latency; throughput against a bare endpoint",
    "uploads": "tus with checksums against a raw socket copy; 50 at once",
    "kills": "the API and PostgreSQL killed under load: no acknowledged write is lost or duplicated",
}
DEFAULT_PARTS = ("counts", "reads", "writes", "uploads")
PACKAGES = ("newsreel", "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "pydantic")


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench; kills only on request, since they take long. Raises DependencyError."""
    given = _options().parse_args(list(arguments))
    found = read_conditions(packages=PACKAGES, programs=(), parts=given.only, seed=given.seed, limits="off")
    figures: list[Figure] = []
    with FreshHome() as house, servers(house) as served:
        for part in given.only:
            figures += _part(part, house, served, given, say)
    limits = [figure for figure in figures if figure.limit is not None]
    passed = sum(figure.passes for figure in limits)
    return Report("api", passed, len(limits), "limits that are set", "limits kept", figures, found)


def _part(part: str, house: FreshHome, served: Servers, given: argparse.Namespace, say: Say) -> list[Figure]:
    if part == "counts":
        return asyncio.run(counts.measure(served, given.seed, say))
    if part == "uploads":
        return uploads.measure(served, house.folder, given.mib, say)
    if part == "kills":
        return asyncio.run(kills.measure(house, served, given.points, given.seed, given.resume, say))
    measure = speed.measure_reads if part == "reads" else speed.measure_writes
    with bare(house) as port:
        return asyncio.run(measure(served, port, given.seconds, given.seed, say))


def _options() -> Options:
    options = Options(
        "api", "The live API: " + "; ".join(f"{name}: {line}" for name, line in PARTS.items()) + "."
    )
    options.add_parts(PARTS, DEFAULT_PARTS)
    options.add_argument("--seed", type=int, default=1, help="seed of the requests (default: 1)")
    options.add_argument(
        "--seconds", type=positive, default=20.0, help="duration of the load at a fixed rate (default: 20)"
    )
    options.add_argument("--mib", type=count, default=256, help="size of one upload in MiB (default: 256)")
    options.add_kills()
    return options
