"""Connections to one Redis server: commands are answered within a given time, or fail.

A connection that was idle may have been closed meanwhile (restart, fail-over): the commands are sent once more on a new
one. Where the server had answered and only the answer was lost, a request then counts twice: never too little.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError

from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.redis_calls import Command

Address = tuple[str, int]
"""Host and port."""

PLAIN: dict[str, Any] = {"driver_info": None, "protocol": 2}
"""No round trips before the first command but those that the URL asks for (password, database)."""

DEFAULT_PORT = 6379

TURNS = 4
"""Of the event loop, in which an answer that came while it was busy with something else is read."""


CLUSTER = "+cluster://"
"""In the scheme of a URL that names several servers of a cluster, by commas."""


def pick_server(url: str, timeout_s: float) -> str:
    """The URL itself; of `redis+cluster://…` and `rediss+cluster://…` that of the first named server that is there.

    From it the others are learnt. Where none can be reached now it is the last. Raises ValueError where none is named.
    """
    scheme, is_cluster, rest = url.partition(CLUSTER)
    if not is_cluster:
        return url
    authority, slash, path = rest.partition("/")
    account, at, named = authority.rpartition("@")
    urls = [f"{scheme}://{account}{at}{place}{slash}{path}" for place in named.split(",") if place]
    if not urls:
        raise ValueError("a cluster's URL is redis+cluster://host:port,host:port")
    return next((one for one in urls[:-1] if _is_reached(one, timeout_s)), urls[-1])


def _is_reached(url: str, timeout_s: float) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or DEFAULT_PORT), timeout_s).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Server:
    """One server: the URL's own, or another of its cluster, reached in the same way. Its text carries no password."""

    url: str
    address: Address | None = None

    def __str__(self) -> str:
        if self.address:
            return f"{self.address[0]}:{self.address[1]}"
        return urlsplit(self.url)._replace(query="").geturl().rpartition("@")[2]

    def prepare_connection(self, kind: Any) -> tuple[Any, dict[str, Any]]:
        """Class and arguments of connections, blocking or not, as `kind` has them (redis or redis.asyncio)."""
        pool = kind.ConnectionPool.from_url(self.url, **PLAIN)
        found, arguments = pool.connection_class, dict(pool.connection_kwargs)
        if self.address:
            if arguments.pop("path", None):
                found = kind.Connection
            arguments["host"], arguments["port"] = self.address
        return found, arguments

    def unavailable(self, error: BaseException | str) -> StoreUnavailable:
        """What callers are told."""
        return StoreUnavailable(f"rate limits at {self}: {error}")


class Node:
    """One server for callers that block; safe for threads, a connection for each that is inside."""

    def __init__(self, server: Server, timeout_s: float) -> None:
        self._server, self._timeout_s = server, timeout_s
        self._connection, self._arguments = server.prepare_connection(redis)
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def answer(self, command: Command) -> Any:
        """The answer to one command on an idle connection: the short way of most decisions.

        None where there is no such connection, it turns out to be closed, or the server says no: then `send` has to
        do it all. Raises StoreUnavailable where the server says nothing in the connection's own time.
        """
        if self._pid != os.getpid() or not self._idle:
            return None
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        try:
            connection.send_packed_command((command.packed,), check_health=False)
            answer = connection.read_response()
        except ResponseError:
            self._idle.append(connection)
            return None
        except ConnectionError:
            return None
        except (RedisError, OSError) as error:
            raise self._server.unavailable(error) from error
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answer

    def send(self, commands: Sequence[Command], until: float) -> Callable[[], list[Any]]:
        """Send the commands; what is returned waits for the answers.

        They come in order, what the server says no to is a RedisError among them; StoreUnavailable is raised where
        they have not come by `until` (time.monotonic).
        """
        if self._pid != os.getpid():  # the idle ones belong to the process that this one was forked from
            self._idle, self._pid = deque(), os.getpid()
        packed = b"".join([command.packed for command in commands])
        try:
            kept = self._send_on_idle(packed)
            connection = kept or self._open(packed, until)
        except (RedisError, OSError) as error:
            failure = self._server.unavailable(error)
            failure.__cause__ = error

            def fail() -> list[Any]:
                raise failure

            return fail

        def answers() -> list[Any]:
            try:
                try:
                    return self._read(connection, commands, until)
                except ConnectionError:
                    if not kept:
                        raise
                return self._read(self._open(packed, until), commands, until)
            except (RedisError, OSError) as error:
                raise self._server.unavailable(error) from error

        return answers

    def close(self) -> None:
        """Close all connections that nobody is using."""
        while self._idle:
            self._idle.pop().disconnect()

    def _send_on_idle(self, packed: bytes) -> Any | None:
        """An idle connection that has been sent that; None where there is none that takes it."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        try:
            connection.send_packed_command((packed,), check_health=False)
        except (RedisError, OSError):
            connection.disconnect()
            return None
        return connection

    def _open(self, packed: bytes, until: float) -> Any:
        """A new connection that has been sent that."""
        connection = self._connection(**self._arguments)
        connection.socket_connect_timeout, connection.socket_timeout = _compute_left_s(until), self._timeout_s
        connection.send_packed_command((packed,), check_health=False)
        return connection

    def _read(self, connection: Any, commands: Sequence[Command], until: float) -> list[Any]:
        try:
            answers = [_one_read(connection, until) for _ in commands]
            unknown = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if unknown:
                packed = b"".join([commands[number].with_text for number in unknown])
                connection.send_packed_command((packed,), check_health=False)
                for number in unknown:
                    answers[number] = _one_read(connection, until)
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answers


class AsyncNode:
    """One server for one event loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection, self._arguments = server.prepare_connection(redis.asyncio)
        self._idle: deque[Any] = deque()

    async def answers(self, commands: Sequence[Command], until: float) -> list[Any]:
        """The answers, in order; what the server says no to is a RedisError among them.

        Raises StoreUnavailable where they have not come by `until` (time.monotonic).
        """
        exchange = asyncio.ensure_future(self._on_some_connection(commands))
        try:
            await asyncio.wait((exchange,), timeout=_compute_left_s(until))
            for _ in range(TURNS):
                if not exchange.done():
                    await asyncio.sleep(0)
        finally:
            if not exchange.done():
                exchange.cancel()
        if not exchange.done():
            raise self._server.unavailable("no answer in time")
        try:
            return exchange.result()
        except (RedisError, OSError) as error:
            raise self._server.unavailable(error) from error

    async def aclose(self) -> None:
        """Close all connections that nobody is using."""
        while self._idle:
            await self._idle.pop().disconnect()

    async def _on_some_connection(self, commands: Sequence[Command]) -> list[Any]:
        if self._idle:
            try:
                return await self._exchange(self._idle.pop(), commands)
            except ConnectionError:
                pass  # it was closed while it was idle
        return await self._exchange(self._connection(**self._arguments), commands)

    async def _exchange(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        try:
            packed = b"".join([command.packed for command in commands])
            await connection.send_packed_command((packed,), check_health=False)
            answers = [await _one_awaited(connection) for _ in commands]
            unknown = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if unknown:
                packed = b"".join([commands[number].with_text for number in unknown])
                await connection.send_packed_command((packed,), check_health=False)
                for number in unknown:
                    answers[number] = await _one_awaited(connection)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._idle.append(connection)
        return answers


def _compute_left_s(until: float) -> float:
    return max(0.001, until - time.monotonic())


def _one_read(connection: Any, until: float) -> Any:
    try:
        return connection.read_response(timeout=_compute_left_s(until))
    except ResponseError as error:
        return error


async def _one_awaited(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
