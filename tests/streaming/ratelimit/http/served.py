"""A small application behind the middleware, under a real uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn

from streaming.ratelimit import MemoryStore, RateLimiter
from streaming.ratelimit.http import Guard, RateLimitMiddleware, read_policies
from streaming.ratelimit.http.asgi import App, Message, Receive, Scope, Send
from tests.streaming.ratelimit.http.structured import read_list

START_TIMEOUT_S = 120

NAMES: dict[str, Any] = {
    "name": "login name",
    "algorithm": "sliding_window_log",
    "limit": 2,
    "window_s": 30,
    "by": [],
    "routes": [],
}
SLOW: dict[str, Any] = {"algorithm": "token_bucket", "capacity": 3, "refill_per_s": 0.01}
NOBODY = "redis://127.0.0.1:1"
"""Where no Redis listens."""


def user_of(scope: Scope) -> str | None:
    """The user that the request names; an API would read it from a verified token."""
    return dict(scope["headers"]).get(b"x-user", b"").decode() or None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """POST /sessions asks for the user name in its body; /socket gives frames back; all else tells the body's size."""
    if scope["type"] == "websocket":
        await socket_of(scope, receive, send)
        return
    body = await body_of(receive)
    if scope["path"] == "/sessions":
        await Guard.of(scope).check("login name", json.loads(body)["user_name"])
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await Guard.of(scope).check("login name", "late")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


async def body_of(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def socket_of(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/asks-first":
        await Guard.of(scope).check("login name", "socket")
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "ask":
            await Guard.of(scope).check("login name", "socket")
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


def build_middleware(
    *policies: dict[str, Any], limiter: RateLimiter | None = None, app: App = application, **options: Any
) -> RateLimitMiddleware:
    """The application with these policies; what they lack is that they count everything by user or address."""
    usual = {"by": ["user|address"], "routes": ["/**"]}
    data = {"policies": [usual | policy for policy in policies]}
    limiter = limiter or RateLimiter(MemoryStore())
    return RateLimitMiddleware(app, limiter, read_policies(data), user=user_of, **options)


@contextlib.contextmanager
def served(app: App, **options: Any) -> Iterator[str]:
    """The host and port of a server on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config: dict[str, Any] = {"log_level": "error", "lifespan": "off", "access_log": False}
        server = uvicorn.Server(uvicorn.Config(app, **config | options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not server.started and time.monotonic() < deadline_s:
            time.sleep(0.005)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def burst(at: str, number: int, **options: Any) -> list[httpx.Response]:
    """So many requests at once."""

    async def all_at_once() -> list[httpx.Response]:
        # Without TLS there are no certificates to load.
        async with httpx.AsyncClient(base_url=f"http://{at}", verify=False) as client:
            return await asyncio.gather(*[client.request(**asked) for _ in range(number)])

    asked = {"method": "GET", "url": "/"} | options
    return asyncio.run(all_at_once())


def fields(response: httpx.Response) -> dict[str, dict[str, int]]:
    """What an answer says of its policies, both fields together."""
    policy = read_list(response.headers["ratelimit-policy"])
    state = read_list(response.headers["ratelimit"])
    assert policy.keys() == state.keys()
    return {name: policy[name] | state[name] for name in policy}


async def exchange(app: App, scope: Scope, *messages: Message) -> list[Message]:
    """What an application sends, without a server: to these messages, and then nothing more."""
    sent: list[Message] = []
    received = list(messages)

    async def receive() -> Message:
        if not received:
            await asyncio.Event().wait()
        return received.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(dict(scope), receive, send)
    return sent
