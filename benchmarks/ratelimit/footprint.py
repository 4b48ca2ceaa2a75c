"""Part `footprint`: memory of a key in Redis, by MEMORY USAGE of all its parts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.ratelimit.held_clock import PROBES_US, held_server
from benchmarks.ratelimit.oracle import ORACLES
from benchmarks.ratelimit.peers import DAY_S, LIMITS, Quota, build_redis_askers
from benchmarks.ratelimit.redis_server import RedisServer, redis_server
from benchmarks.report import Figure, Say
from schemas.errors import StageError

LOG_LIMIT_KB = 100.0
COUNTER_LIMIT_BYTES = 200.0

KEY = "user:1234567"

USED = 5
"""Requests sent on a key whose size does not depend on their number."""

APART_US = (500, 1500)
"""Range of the time between two entries of a log."""


@dataclass(frozen=True)
class Footprint:
    """Bytes in Redis: a log with `entries` entries, ours and that of `limits`; a key of each kind."""

    entries: int
    log: int
    log_of_limits: int
    by_kind: Mapping[str, int]


def measure(entries: int, seed: int, say: Say) -> Footprint:
    """Fill the keys. Raises DependencyError without libfaketime, which provides the clock of the log's entries."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    with held_server() as (server, clock):
        ask = build_redis_askers(server.url, Quota("sliding_window_log", entries, DAY_S))["ours"]
        now_us = PROBES_US[0]
        for _ in range(entries):
            now_us += chance.randint(*APART_US)
            clock.set(now_us)
            if not ask((KEY,)):
                raise StageError("a log with free capacity refused a request")
        log = _measure_bytes(server)
    by_kind = {}
    with redis_server() as server:
        # Its entries are times of the client's clock, texts of the same length for any distance between them.
        build_redis_askers(server.url, Quota("sliding_window_log", entries, DAY_S))["limits"](
            (KEY,) * entries
        )
        log_of_limits = _measure_bytes(server)
        for kind in ORACLES:
            server.client.flushall()
            build_redis_askers(server.url, Quota(kind, 1000, DAY_S))["ours"]((KEY,) * USED)
            by_kind[kind] = _measure_bytes(server)
        for kind in LIMITS:
            server.client.flushall()
            build_redis_askers(server.url, Quota(kind, 1000, DAY_S))["limits"]((KEY,) * USED)
            by_kind[f"{kind} of limits"] = _measure_bytes(server)
    say(f"memory in Redis: a log of {entries} entries {log} B, that of limits {log_of_limits} B; {by_kind}")
    return Footprint(entries, log, log_of_limits, by_kind)


def build_figures(found: Footprint) -> list[Figure]:
    """Sizes of logs in kB (1,000 bytes), of keys in bytes."""
    figures = [
        Figure(f"a log of {found.entries} entries in Redis", found.log / 1000, "kB", limit=LOG_LIMIT_KB),
        Figure(f"a log of {found.entries} entries in Redis: limits", found.log_of_limits / 1000, "kB"),
    ]
    for kind, size in found.by_kind.items():
        limit = COUNTER_LIMIT_BYTES if kind == "sliding_window_counter" else None
        used = f" after {USED} requests" if "log" in kind else ""
        figures.append(Figure(f"a key in Redis, {kind}{used}", size, "B", limit=limit))
    return figures


def _measure_bytes(server: RedisServer) -> int:
    """Memory of all keys of the server, without its hash tables of keys."""
    return sum(server.client.memory_usage(key, samples=0) for key in server.client.scan_iter())
