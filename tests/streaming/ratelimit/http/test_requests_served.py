"""A burst through a real server meets the right answers: who is let through, who is not, and what both are told."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry

from streaming.ratelimit import MemoryStore, RateLimiter, RedisStore
from streaming.ratelimit.http import Guard, LimitedView, Observer, RateLimitMiddleware, read_policies
from streaming.ratelimit.http.asgi import Message, Receive, Scope, Send
from streaming.ratelimit.http.metrics import Metrics
from tests.streaming.ratelimit.http.served import (
    NAMES,
    NOBODY,
    SLOW,
    application,
    build_middleware,
    burst,
    exchange,
    fields,
    served,
)


@pytest.mark.parametrize(
    "parameters",
    [
        {"algorithm": "token_bucket", "capacity": 7, "refill_per_s": 0.01},
        {"algorithm": "fixed_window", "limit": 7, "window_s": 86_400},
        {"algorithm": "sliding_window_log", "limit": 7, "window_s": 60},
        {"algorithm": "sliding_window_counter", "limit": 7, "window_s": 86_400},
    ],
)
def test_of_a_burst_exactly_as_many_pass_as_the_limit_says(parameters: dict[str, Any]) -> None:
    with served(build_middleware({"name": "burst"} | parameters)) as url:
        answers = burst(url, 25)
    passed = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(passed), len(refused)) == (7, 18)
    assert sorted(fields(answer)["burst"]["r"] for answer in passed) == list(range(7))
    assert all(fields(answer)["burst"]["q"] == 7 for answer in answers)
    for answer in refused:
        told, problem = fields(answer)["burst"], answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert told["r"] == 0
        assert told["t"] == int(answer.headers["retry-after"]) == math.ceil(problem["retry_after_s"])
        assert (problem["status"], problem["violated-policies"]) == (429, ["burst"])


def test_retry_after_is_enough() -> None:
    with served(
        build_middleware({"name": "p", "algorithm": "sliding_window_log", "limit": 2, "window_s": 1.9})
    ) as url:
        assert [answer.status_code for answer in burst(url, 4)].count(200) == 2
        [refused] = burst(url, 1)
        assert refused.status_code == 429
        time.sleep(int(refused.headers["retry-after"]))
        assert [answer.status_code for answer in burst(url, 2)] == [200, 200]


def test_a_refused_request_consumes_nothing_of_the_others() -> None:
    small = {"name": "small", "by": ["address"]} | SLOW
    large = {"name": "large", "by": []} | SLOW | {"capacity": 10}
    with served(build_middleware(small, large)) as url:
        answers = burst(url, 8)
        assert [answer.status_code for answer in answers].count(200) == 3
        [refused] = burst(url, 1)
    assert refused.json()["violated-policies"] == ["small"]
    assert fields(refused)["large"] == {"q": 10, "w": 1000, "r": 7}  # and no t after Retry-After
    assert fields(refused)["small"]["r"] == 0


def test_subjects_and_routes_have_limits_of_their_own() -> None:
    with served(build_middleware({"name": "p", "routes": ["POST /a", "/b/{id}"]} | SLOW)) as url:
        for user in ("1", "2"):
            headers = {"x-user": user}
            assert [one.status_code for one in burst(url, 4, url="/b/7", headers=headers)].count(429) == 1
            [posted] = burst(url, 1, url="/a", method="POST", headers=headers)
            assert posted.status_code == 429
        for free in ({"url": "/a"}, {"url": "/b"}):
            for answer in burst(url, 5, headers={"x-user": "1"}, **free):
                assert answer.status_code == 200
                assert "ratelimit" not in answer.headers
        assert burst(url, 1, method="HEAD", url="/b/7", headers={"x-user": "1"})[0].status_code == 429


def test_a_spoofed_address_is_not_believed_unless_the_proxy_is_trusted() -> None:
    policy = {"name": "p", "by": ["address"]} | SLOW
    with served(build_middleware(policy), proxy_headers=False) as url:
        answers = [burst(url, 1, headers={"x-forwarded-for": f"203.0.113.{n}"})[0] for n in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    with served(build_middleware(policy, trusted_proxies=["127.0.0.1"]), proxy_headers=False) as url:
        answers = [burst(url, 1, headers={"x-forwarded-for": f"203.0.113.{n}"})[0] for n in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        spoofed = [
            burst(url, 1, headers={"x-forwarded-for": f"198.51.100.{n}, 203.0.113.9"})[0] for n in range(4)
        ]
        assert [answer.status_code for answer in spoofed] == [200, 200, 200, 429]


def test_what_a_leaking_bucket_accepts_goes_on_one_after_another() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 4, "outflow_per_s": 10}
    registry = CollectorRegistry()
    with served(build_middleware(leaking, metrics=Metrics(registry))) as url:
        began_s = time.monotonic()
        answers = burst(url, 6, method="POST", content=b"x" * 1000)
        took_s = time.monotonic() - began_s
    passed = [answer for answer in answers if answer.status_code == 200]
    assert len(passed) >= 4
    assert [answer.text for answer in passed] == ["1000"] * len(passed)
    assert took_s >= 0.3
    assert (registry.get_sample_value("ratelimit_queued_seconds_count") or 0) >= 3


def test_a_large_body_comes_whole_after_the_queue_or_is_refused_unread() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 2, "outflow_per_s": 1}
    with served(build_middleware(leaking)) as url:
        answers = [burst(url, 1)[0], *burst(url, 2, method="POST", content=b"x" * 3_000_000)]
    assert [answer.status_code for answer in answers].count(429) == 1
    assert [answer.text for answer in answers[1:] if answer.status_code == 200] == ["3000000"]


def test_a_handler_limits_by_what_is_in_the_body() -> None:
    with served(
        build_middleware(NAMES, {"name": "p", "routes": ["/sessions"]} | SLOW | {"capacity": 9})
    ) as url:

        def log_in(name: str) -> httpx.Response:
            return burst(url, 1, method="POST", url="/sessions", json={"user_name": name})[0]

        assert [log_in("ann").status_code for _ in range(3)] == [200, 200, 429]
        refused, other = log_in("ann"), log_in("bob")
    assert refused.json()["violated-policies"] == ["login name"]
    assert int(refused.headers["retry-after"]) == fields(refused)["login name"]["t"]
    assert 20 < fields(refused)["login name"]["t"] <= 30
    assert fields(refused)["p"]["r"] == 5
    assert other.status_code == 200
    told = fields(other)
    assert list(told) == ["p", "login name"]
    assert (told["p"]["r"], told["login name"]["r"], told["login name"]["t"]) == (4, 1, 30)


def test_a_refusal_after_the_answer_began_breaks_it_off() -> None:
    with served(build_middleware(NAMES | {"limit": 1}), log_level="critical") as url:
        assert burst(url, 1, method="POST", url="/sessions", json={"user_name": "late"})[0].status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            burst(url, 1, url="/late")


def test_inside_fastapi_a_refusal_by_a_handler_is_answered() -> None:
    app = FastAPI()
    app.add_middleware(
        RateLimitMiddleware, limiter=RateLimiter(MemoryStore()), policies=read_policies({"policies": [NAMES]})
    )

    @app.exception_handler(Exception)
    async def fail(_request: Request, _error: Exception) -> Any:
        raise AssertionError

    @app.post("/sessions/{name}")
    async def log_in(request: Request, name: str) -> str:
        await Guard.of(request.scope).check("login name", name)
        return name

    with served(app) as url:
        answers = [burst(url, 1, method="POST", url="/sessions/ann")[0] for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 20 < int(answers[2].headers["retry-after"]) <= 30


def test_a_policy_in_the_shadow_is_counted_and_not_seen() -> None:
    registry = CollectorRegistry()
    metrics: Observer = Metrics(registry)
    enforced = {"name": "p"} | SLOW | {"capacity": 6}
    shadow = {"name": "next", "shadow": True} | SLOW
    with served(build_middleware(enforced, shadow, metrics=metrics)) as url:
        answers = burst(url, 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [429] * 2
    assert all(set(fields(answer)) == {"p"} for answer in answers)
    counted = {
        (sample.labels["policy"], sample.labels["outcome"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "ratelimit_decisions_total"
    }
    assert counted == {
        ("p", "allowed"): 6,
        ("p", "refused"): 2,
        ("next", "allowed"): 3,
        ("next", "shadow_refused"): 3,
    }
    assert registry.get_sample_value("ratelimit_decision_seconds_count") == 8


def test_503_while_the_store_is_away(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    limiter = RateLimiter(RedisStore(NOBODY))
    with served(build_middleware(SLOW | {"name": "p"}, limiter=limiter, metrics=Metrics(registry))) as url:
        answers = burst(url, 3)
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 503
        assert "127.0.0.1" not in answer.text
    labels = {"policy": "p", "outcome": "unavailable"}
    assert registry.get_sample_value("ratelimit_decisions_total", labels) == 3
    assert len([record for record in caplog.records if record.name.startswith("streaming")]) == 1


def test_a_shadow_without_its_store_stops_nobody() -> None:
    limiter = RateLimiter(RedisStore(NOBODY))
    with served(build_middleware({"name": "p", "shadow": True} | SLOW, limiter=limiter)) as url:
        assert burst(url, 1)[0].status_code == 200


def test_policies_are_replaced_while_it_runs() -> None:
    policies = read_policies({"policies": [{"name": "p", "by": ["address"], "routes": ["/**"]} | SLOW]})
    more = read_policies(
        {"policies": [{"name": "p", "by": ["address"], "routes": ["/**"]} | SLOW | {"capacity": 5}]}
    )
    with served(RateLimitMiddleware(application, RateLimiter(MemoryStore()), policies)) as url:
        assert [answer.status_code for answer in burst(url, 4)].count(200) == 3
        policies.replace(more)
        assert [answer.status_code for answer in burst(url, 4)].count(200) == 2
        policies.replace([])
        assert [answer.status_code for answer in burst(url, 4)] == [200] * 4


def test_the_view_of_who_is_limited() -> None:
    policies = read_policies({"policies": [{"name": "<b>", "by": ["user"], "routes": ["/**"]} | SLOW]})
    limiter = RateLimiter(MemoryStore())
    inner = RateLimitMiddleware(
        application, limiter, policies, user=lambda scope: dict(scope["headers"])[b"x-user"].decode()
    )
    view = LimitedView(limiter, policies)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (view if scope["path"] == "/limits" else inner)(scope, receive, send)

    with served(app) as url:
        empty = burst(url, 1, url="/limits", headers={"accept": "text/html"})[0]
        burst(url, 4, headers={"x-user": "<i>&"})
        burst(url, 1, headers={"x-user": "ann"})
        told = burst(url, 1, url="/limits")[0]
        page = burst(url, 1, url="/limits", headers={"accept": "text/html,*/*;q=0.8"})[0]
        posted = burst(url, 1, url="/limits", method="POST")[0]
    [one] = told.json()["limited"]
    assert (one["policy"], one["subject"], one["remaining"], one["shadow"]) == (
        "<b>",
        ["user=<i>&"],
        0,
        False,
    )
    assert 90 < one["retry_after_s"] <= 100
    assert told.json()["complete"] is True
    assert "Nobody is limited now" in empty.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;" in page.text
    assert "user=&lt;i&gt;&amp;" in page.text
    assert "<i>" not in page.text
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")


def test_a_client_that_goes_away_while_it_queues_is_not_served() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 2, "outflow_per_s": 0.05}
    reached: list[str] = []
    ended = threading.Semaphore(0)

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await application(scope, receive, send)

    middleware = build_middleware(leaking, app=inner)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await middleware(scope, receive, send)
        ended.release()

    with served(outer) as url:
        assert burst(url, 1, url="/first")[0].status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            burst(url, 1, url="/second", timeout=0.2)
        assert all(ended.acquire(timeout=60) for _ in range(2))
    assert reached == ["/first"]


def test_other_scopes_pass() -> None:
    started: list[Message] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        started.append(scope)

    middleware = RateLimitMiddleware(app, RateLimiter(MemoryStore()), read_policies({"policies": []}))
    asyncio.run(exchange(middleware, {"type": "lifespan"}))
    assert started == [{"type": "lifespan"}]


def test_without_the_middleware_there_is_no_guard() -> None:
    with pytest.raises(LookupError, match="RateLimitMiddleware"):
        Guard.of({"type": "http"})
