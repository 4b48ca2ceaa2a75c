"""`newsreel bench api`: the live API under load and under fire, against bare endpoints and a raw socket."""

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
    "counts": "1,000 likes, dislikes and views each on one video at once: counters against what was acknowledged",
    "reads": "1,000 reads a second: times; throughput against a bare endpoint",
    "writes": "300 writes a second: times; throughput against a bare endpoint",
    "uploads": "tus with checksums against a raw socket copy; 50 at once",
    "kills": "the API and PostgreSQL killed under load: nothing acknowledged is lost or twice",
}
USUAL = ("counts", "reads", "writes", "uploads")
PACKAGES = ("newsreel", "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "pydantic")


def run(arguments: Sequence[str], say: Say) -> Report:
    """The bench; kills only where they are asked for, since they take a while. Raises DependencyError."""
    given = _options().parse_args(list(arguments))
    found = read_conditions(packages=PACKAGES, programs=(), parts=given.only, seed=given.seed, limits="off")
    figures: list[Figure] = []
    with FreshHome() as house, servers(house) as served:
        for part in given.only:
            figures += _part(part, house, served, given, say)
    limits = [figure for figure in figures if figure.limit is not None]
    kept = sum(figure.passes for figure in limits)
    return Report("api", kept, len(limits), "limits that are set", "limits kept", figures, found)


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
        "api", "The live API: " + "; ".join(f"{name}: {does}" for name, does in PARTS.items()) + "."
    )
    options.add_parts(PARTS, USUAL)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=positive, default=20.0, help="of load at a fixed rate (20)")
    options.add_argument("--mib", type=count, default=256, help="of one upload (256)")
    options.add_kills()
    return options
