"""Load generator over HTTP/1.1: persistent connections on raw sockets, which cost a fraction of the server's work.

`run_open_loop` sends on a schedule, independent of the responses, and measures each latency from the scheduled time: a
server that stalls is charged for all requests that had to wait (no coordinated omission). `run_closed_loop` sends the
next request as soon as the last one is answered.
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
    """Response."""

    status: int
    headers: bytes
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """A persistent connection with one request at a time. Responses need a Content-Length, or have no body."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Buffer the data; resolve the waiting request once its response is complete."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None or self._waiting.done():
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length: ")
        length = 0 if at < 0 else int(head[at + 16 : (head.find(b"\r\n", at) + 1 or len(head) + 1) - 1])
        if len(self._buffer) < end + 4 + length:
            return
        answer = Answer(int(self._buffer[9:12]), self._buffer[:end], self._buffer[end + 4 : end + 4 + length])
        self._buffer = self._buffer[end + 4 + length :]
        self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the waiting request."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its response. Raises OSError if the connection is lost."""
        if self._transport is None:
            raise ConnectionResetError("the server closed the connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Open `count` connections to a server on loopback."""
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
    """Serialize a request; `body` is sent as JSON."""
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
    """Latencies in seconds, and the number of responses by status."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        """Latency at a quantile (nearest rank)."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    @property
    def failed(self) -> int:
        """Number of failed responses."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 400)


async def run_open_loop(port: int, requests: Iterable[bytes], *, rate: float, clients: int) -> Latencies:
    """Send the requests at `rate` per second, over `clients` connections."""
    latencies = Latencies()
    async with connections(port, clients) as made:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in made:
            free.put_nowait(connection)
        begun = time.perf_counter() + 0.05
        tasks: set[asyncio.Task[None]] = set()

        async def send(due: float, what: bytes) -> None:
            connection = await free.get()
            try:
                answer = await connection.ask(what)
                latencies.statuses[answer.status] += 1
            finally:
                free.put_nowait(connection)
            latencies.seconds.append(time.perf_counter() - due)

        for number, what in enumerate(requests):
            due = begun + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            task = asyncio.ensure_future(send(due, what))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
    return latencies


async def run_closed_loop(port: int, requests: Iterator[bytes], *, seconds: float, clients: int) -> float:
    """Responses per second if each of `clients` clients sends its next request as soon as the last one is answered."""
    done = 0
    end = time.perf_counter() + seconds

    async def run_client(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < end:
            answer = await connection.ask(next(requests))
            if not 200 <= answer.status < 400:
                raise RuntimeError(f"status {answer.status}: {answer.body[:200]!r}")
            done += 1

    begun = time.perf_counter()
    async with connections(port, clients) as made:
        await asyncio.gather(*map(run_client, made))
    return done / (time.perf_counter() - begun)
