"""The stores that every test of a limiter runs on: memory, a real Redis and a real Redis Cluster, their clock held."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from streaming.ratelimit import MemoryStore, RateLimiter, RedisStore, redis_calls
from streaming.ratelimit.redis_scripts import GIVE_BACK, MANY, ONE, Script
from tests.streaming.ratelimit.servers import Server, cluster, one_server

START_US = 4_000_000_000_000_000
"""Long after any real clock, so that Redis does not take what is kept as expired; floats have no microseconds there."""

PATIENT_S = 10.0
"""A busy machine may take longer than a store is given by default."""


class Clock:
    """What a test says it is, in microseconds, here and in the scripts: each of its times is a script of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.set(START_US)

    def set(self, now_us: int) -> None:
        self.now_us = now_us
        self._monkeypatch.setattr(
            redis_calls, "ONE", {kind: self._freeze_time(one) for kind, one in ONE.items()}
        )
        self._monkeypatch.setattr(redis_calls, "MANY", self._freeze_time(MANY))
        self._monkeypatch.setattr(redis_calls, "GIVE_BACK", self._freeze_time(GIVE_BACK))

    def pass_us(self, length_us: int) -> None:
        self.set(self.now_us + length_us)

    def _freeze_time(self, script: Script) -> Script:
        seconds, microseconds = divmod(self.now_us, 10**6)
        return Script.build(script.text.decode().replace("call('TIME')", f"{{{seconds}, {microseconds}}}"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with one_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: Server) -> str:
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(params=["memory", "redis", "cluster"])
def limiter(request: pytest.FixtureRequest, clock: Clock) -> Iterator[RateLimiter]:
    """A limiter whose store knows no time but the clock's."""
    if request.param == "memory":
        yield RateLimiter(MemoryStore(clock=lambda: Fraction(clock.now_us, 10**6)))
        return
    if request.param == "redis":
        servers = [request.getfixturevalue("redis_server")]
    else:
        servers = request.getfixturevalue("redis_cluster")
    for server in servers:
        server.run("FLUSHALL")
    found = RateLimiter(RedisStore(servers[0].url, cache_refusals=False, timeout_s=PATIENT_S))
    yield found
    found.close()
