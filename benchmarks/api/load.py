"""Load over HTTP/1.1: kept connections on raw sockets, so that asking costs a fraction of answering.

`open_loop` sends on a schedule, whatever the answers do, and counts each answer's time from when it was due: a server
that stalls is charged for all that had to wait (no coordinated omission). `closed_loop` asks as fast as it is answered.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: bytes
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One kept connection with one request at a time. An answer has a Content-Length, or no body."""

    def __init__(self) -> None:
        self._held = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some of an answer has come."""
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None or self._waiting.done():
            return
        head = self._held[:end].lower()
        at = head.find(b"content-length: ")
        length = 0 if at < 0 else int(head[at + 16 : (head.find(b"\r\n", at) + 1 or len(head) + 1) - 1])
        if len(self._held) < end + 4 + length:
            return
        answer = Answer(int(self._held[9:12]), self._held[:end], self._held[end + 4 : end + 4 + length])
        self._held = self._held[end + 4 + length :]
        self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server has hung up"))

    async def ask(self, request: bytes) -> Answer:
        """Send a request; its answer. Raises OSError where the connection is lost."""
        if self._transport is None:
            raise ConnectionResetError("the server has hung up")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Connections to a server on loopback."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        for connection in made:
            connection.close()


def build_request(
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A request as bytes; `body` is sent as JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    content = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass
class Latencies:
    """Times of answers in seconds, and how many had which status."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        """The time within which this share of all answers came (nearest rank)."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    @property
    def failed(self) -> int:
        """Answers that were no success."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 400)


async def run_open_loop(port: int, requests: Iterable[bytes], *, rate: float, clients: int) -> Latencies:
    """Send the requests at a fixed rate, over so many connections."""
    found = Latencies()
    async with connections(port, clients) as made:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in made:
            free.put_nowait(connection)
        begun = time.perf_counter() + 0.05
        tasks: set[asyncio.Task[None]] = set()

        async def one(due: float, what: bytes) -> None:
            connection = await free.get()
            try:
                answer = await connection.ask(what)
                found.statuses[answer.status] += 1
            finally:
                free.put_nowait(connection)
            found.seconds.append(time.perf_counter() - due)

        for number, what in enumerate(requests):
            due = begun + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            task = asyncio.ensure_future(one(due, what))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
    return found


async def run_closed_loop(port: int, requests: Iterator[bytes], *, seconds: float, clients: int) -> float:
    """Answers a second where each of so many clients asks again as soon as it is answered."""
    done = 0
    end = time.perf_counter() + seconds

    async def one(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < end:
            answer = await connection.ask(next(requests))
            if not 200 <= answer.status < 400:
                raise RuntimeError(f"status {answer.status}: {answer.body[:200]!r}")
            done += 1

    begun = time.perf_counter()
    async with connections(port, clients) as made:
        await asyncio.gather(*map(one, made))
    return done / (time.perf_counter() - begun)
