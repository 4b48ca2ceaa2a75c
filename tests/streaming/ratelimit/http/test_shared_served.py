"""Servers that share one Redis share its limits, say so while it is away, and go on when it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redis.crc import key_slot

from streaming.ratelimit import FixedWindow, RateLimiter, RedisStore, TokenBucket
from streaming.ratelimit.http import Policy
from streaming.ratelimit.http.asgi import App, Receive, Scope, Send
from streaming.ratelimit.http.subject import Subject, Subjects
from streaming.ratelimit.redis_calls import redis_key
from tests.streaming.ratelimit.conftest import PATIENT_S
from tests.streaming.ratelimit.http.served import SLOW, build_middleware, burst, fields, served
from tests.streaming.ratelimit.servers import Server, one_server

BOTH: tuple[dict[str, Any], ...] = (
    {"name": "small", "by": ["address"]} | SLOW,
    {"name": "large", "by": []} | SLOW | {"capacity": 10},
)


def on_redis(url: str) -> App:
    """The application with a store of its own, which is closed when its server stops."""
    limiter = RateLimiter(RedisStore(url, timeout_s=PATIENT_S))
    middleware = build_middleware(*BOTH, limiter=limiter)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await middleware(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await limiter.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    return app


def test_two_servers_admit_no_more_than_one(redis_server: Server) -> None:
    redis_server.run("FLUSHALL")
    with (
        served(on_redis(redis_server.url), lifespan="on") as one,
        served(on_redis(redis_server.url), lifespan="on") as other,
    ):
        answers = [*burst(one, 2), *burst(other, 4), *burst(one, 4)]
    assert sum(answer.status_code == 200 for answer in answers) == 3
    assert {fields(answer)["large"]["r"] for answer in answers if answer.status_code == 429} == {7}


def test_a_store_that_comes_back(tmp_path: Path) -> None:
    with one_server(tmp_path) as redis, served(on_redis(redis.url), lifespan="on") as url:
        assert burst(url, 1)[0].status_code == 200
        redis.kill()
        away = burst(url, 1)[0]
        assert (away.status_code, away.headers["retry-after"]) == (503, "1")
        redis.start()
        assert burst(url, 1)[0].status_code == 200


def test_all_policies_on_a_subject_are_in_one_slot_of_a_cluster() -> None:
    subject = Subject(Subjects(), {"type": "http", "client": ("203.0.113.7", 1), "headers": []})
    places = []
    for name, limit in (("a", TokenBucket(1, 1)), ("b {}", FixedWindow(1, 1))):
        key = subject.key(Policy(name=name, limit=limit, by=("address",), routes=()), None)
        assert key is not None
        places.append(redis_key("ratelimit", limit.kind, key))
    assert places[0] != places[1]
    assert len(set(map(key_slot, places))) == 1
