"""The middleware without a server: what a real one brings about too rarely, or in no order that a test could choose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

import pytest

from streaming.ratelimit import (
    FixedWindow,
    LeakingBucket,
    Limit,
    MemoryStore,
    RateLimiter,
    SlidingWindowCounter,
    SlidingWindowLog,
    TokenBucket,
)
from streaming.ratelimit.http import Guard, Policies, Policy, RateLimitMiddleware
from streaming.ratelimit.http.asgi import Message, Receive, Scope, Send
from tests.streaming.ratelimit.http.served import build_middleware, exchange

SOCKET: dict[str, Any] = {"type": "websocket", "path": "/socket", "headers": [], "client": ("203.0.113.7", 1)}
REQUEST: dict[str, Any] = SOCKET | {"type": "http", "method": "POST"}
EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}
ONE = {"algorithm": "sliding_window_log", "limit": 1, "window_s": 60}
FRAMES: dict[str, Any] = {"name": "frames", "frames": True} | ONE


def frame(text: str) -> Message:
    return {"type": "websocket.receive", "text": text}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "limit",
    [
        TokenBucket(3, 0.7),
        LeakingBucket(3, 10_000),
        FixedWindow(3, 7.3),
        SlidingWindowLog(3, 4.1),
        SlidingWindowCounter(3, 5.9),
    ],
)
def test_whoever_obeys_retry_after_is_not_refused_again(limit: Limit, seed: int) -> None:
    random_ = random.Random(seed)
    now_s = [1_800_000_000.0]
    policies = Policies(
        [
            Policy(name="p", limit=limit, by=("address",), routes=("/**",)),
            Policy(name="q", limit=SlidingWindowLog(4, 9.9), by=("address",), routes=("/**",)),
        ]
    )

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    middleware = RateLimitMiddleware(app, RateLimiter(MemoryStore(clock=lambda: now_s[0])), policies)
    refusals = 0

    async def trials() -> None:
        nonlocal refusals
        for _ in range(300):
            now_s[0] += random_.choice([0, 0.000001, 0.01, 0.3, 1, 2.5])
            [start, *_] = await exchange(middleware, REQUEST, EMPTY)
            if start["status"] == 429:
                refusals += 1
                now_s[0] += int(dict(start["headers"])[b"retry-after"])
                [start, *_] = await exchange(middleware, REQUEST, EMPTY)
            assert start["status"] == 200

    asyncio.run(trials())
    assert refusals > 20


def test_a_handshake_is_closed_where_the_server_cannot_answer_it() -> None:
    middleware = build_middleware({"name": "p"} | ONE)

    async def twice() -> list[list[Message]]:
        return [
            await exchange(
                middleware, SOCKET, {"type": "websocket.connect"}, {"type": "websocket.disconnect"}
            )
            for _ in range(2)
        ]

    accepted, refused = asyncio.run(twice())
    assert accepted[0]["type"] == "websocket.accept"
    assert refused == [{"type": "websocket.close", "code": 1008}]


def test_what_came_while_a_request_queued_is_handed_on_in_order() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 2, "outflow_per_s": 20}
    middleware = build_middleware(leaking)
    parts: list[Message] = [
        {"type": "http.request", "body": b"%d" % number * 9000, "more_body": number < 9}
        for number in range(10)
    ]

    async def send_two() -> list[Message]:
        await exchange(middleware, REQUEST, EMPTY)
        return await exchange(middleware, REQUEST, *parts)

    assert asyncio.run(send_two())[-1]["body"] == b"90000"


def test_nothing_is_lost_where_the_application_gives_up_waiting_after_the_queue() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 2, "outflow_per_s": 20}
    sent: list[Message] = []
    arrives = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
            return
        arrives.set()
        await send(await receive())

    async def receive() -> Message:
        await arrives.wait()
        return EMPTY

    async def send(message: Message) -> None:
        sent.append(message)

    async def send_two() -> None:
        middleware = build_middleware(leaking, app=app)
        for _ in range(2):
            arrives.clear()
            await middleware(dict(REQUEST), receive, send)

    asyncio.run(send_two())
    assert sent == [EMPTY, EMPTY]


def test_a_frame_is_not_lost_where_its_receiver_gives_up_waiting() -> None:
    """Chat servers wait for a frame or a timeout: what was taken from the server meanwhile comes the next time."""
    leaking = {
        "name": "f",
        "frames": True,
        "algorithm": "leaking_bucket",
        "bucket_size": 3,
        "outflow_per_s": 10,
    }
    received: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            try:
                message = await asyncio.wait_for(receive(), 0.02)
            except TimeoutError:
                continue
            if message["type"] == "websocket.disconnect":
                return
            received.append(message["text"])

    middleware = build_middleware(leaking, app=app)
    frames = [frame("0"), frame("1"), frame("2")]
    asyncio.run(
        exchange(middleware, SOCKET, {"type": "websocket.connect"}, *frames, {"type": "websocket.disconnect"})
    )
    assert received == ["0", "1", "2"]


def test_after_a_flood_the_application_is_told_that_the_peer_is_gone() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})
        assert await receive() == message == {"type": "websocket.disconnect", "code": 1008}
        await send({"type": "websocket.send", "text": "a pump that does not know yet"})
        await send({"type": "websocket.close", "code": 1000})

    middleware = build_middleware(FRAMES, app=app, close_after=3)
    flood = [frame(str(number)) for number in range(9)]
    sent = asyncio.run(exchange(middleware, SOCKET, {"type": "websocket.connect"}, *flood))
    assert [message["type"] for message in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.send",
        "websocket.close",
    ]
    assert (sent[1]["text"], json.loads(sent[2]["text"])["code"], sent[3]["code"]) == (
        "0",
        "rate_limited",
        1008,
    )


def test_a_peer_that_goes_away_before_it_is_told_breaks_nothing() -> None:
    messages: list[Message] = [
        {"type": "websocket.connect"},
        *[frame(str(number)) for number in range(3)],
        {"type": "websocket.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send" and "rate_limited" in message["text"]:
            raise OSError("gone")

    asyncio.run(build_middleware(FRAMES)(dict(SOCKET), receive, send))
    assert not messages


def test_a_check_of_bytes_says_how_many() -> None:
    policy = Policy(name="b", limit=TokenBucket(10, 1), by=(), routes=(), cost="bytes", frames=True)

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        await Guard.of(scope).check("b", cost=10)
        with pytest.raises(ValueError, match="cost="):
            await Guard.of(scope).check("b")

    middleware = RateLimitMiddleware(app, RateLimiter(MemoryStore()), Policies([policy]))
    asyncio.run(exchange(middleware, REQUEST))
