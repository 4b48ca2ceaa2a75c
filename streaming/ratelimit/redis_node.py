"""Connections to one Redis server: each call is answered within a given time, or fails.

A connection that was idle may have been closed meanwhile (restart, fail-over): the call is sent once more on a new one.
Where the server had answered and only the answer was lost, the request then counts twice: never too little.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    MasterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.redis_calls import Call

NOT_NOW = (BusyLoadingError, MasterDownError, ReadOnlyError, TryAgainError)
"""What a server says that is starting, or is no longer the one to ask."""

PLAIN: dict[str, Any] = {"driver_info": None, "protocol": 2}
"""No round trips before the first call but those that the URL asks for (password, database)."""


class Unanswered(StoreUnavailable):
    """As StoreUnavailable. `slow`: it took all the time that there was."""

    def __init__(self, where: str, error: BaseException | str, *, slow: bool = False) -> None:
        super().__init__(f"rate limits at {where}: {error}")
        self.slow = slow


class Node:
    """One server for callers that block; safe for threads, a connection for each that is inside."""

    def __init__(self, url: str, where: str, timeout_s: float) -> None:
        self._where, self._timeout_s = where, timeout_s
        self._pool = redis.ConnectionPool.from_url(url, **PLAIN)
        self._idle: deque[Any] = deque()

    def call(self, call: Call) -> Any:
        """The script's answer. Raises Unanswered, or RedisError where the server refuses the call as such."""
        until = time.monotonic() + self._timeout_s
        packed = call.packed()
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._first(call, packed, until)
        try:
            answer = self._sent(connection, call, packed, until)
        except (ConnectionError, *NOT_NOW):
            connection.disconnect()
            return self._first(call, packed, until)
        except BaseException as error:
            connection.disconnect()
            if isinstance(error, TimeoutError | OSError):
                raise Unanswered(self._where, error, slow=True) from error
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close all connections that nobody is using."""
        while self._idle:
            self._idle.pop().disconnect()

    def _first(self, call: Call, packed: bytes, until: float) -> Any:
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        left_s = max(0.001, until - time.monotonic())
        connection.socket_connect_timeout = connection.socket_timeout = left_s
        try:
            answer = self._sent(connection, call, packed, until)
        except TimeoutError as error:
            connection.disconnect()
            raise Unanswered(self._where, error, slow=True) from error
        except (ConnectionError, OSError, *NOT_NOW) as error:
            connection.disconnect()
            raise Unanswered(self._where, error) from error
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answer

    def _sent(self, connection: Any, call: Call, packed: bytes, until: float) -> Any:
        connection.send_packed_command((packed,), check_health=False)
        try:
            return connection.read_response(timeout=max(0.001, until - time.monotonic()))
        except NoScriptError:
            connection.send_packed_command((call.packed(with_text=True),), check_health=False)
            return connection.read_response(timeout=max(0.001, until - time.monotonic()))


class AsyncNode:
    """One server for one event loop."""

    def __init__(self, url: str, where: str, timeout_s: float) -> None:
        self._where, self._timeout_s = where, timeout_s
        self._pool = redis.asyncio.ConnectionPool.from_url(url, **PLAIN)
        self._idle: deque[Any] = deque()

    async def call(self, call: Call) -> Any:
        """The script's answer. Raises Unanswered, or RedisError where the server refuses the call as such."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answered(call)
        except (ConnectionError, OSError, *NOT_NOW) as error:
            raise Unanswered(self._where, error, slow=isinstance(error, asyncio.TimeoutError)) from error

    async def aclose(self) -> None:
        """Close all connections that nobody is using."""
        while self._idle:
            await self._idle.pop().disconnect()

    async def _answered(self, call: Call) -> Any:
        packed = call.packed()
        if self._idle:
            connection = self._idle.pop()
            try:
                return await self._sent(connection, call, packed)
            except (ConnectionError, *NOT_NOW):
                pass
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        return await self._sent(connection, call, packed)

    async def _sent(self, connection: Any, call: Call, packed: bytes) -> Any:
        try:
            try:
                await connection.send_packed_command((packed,), check_health=False)
                answer = await connection.read_response()
            except NoScriptError:
                await connection.send_packed_command((call.packed(with_text=True),), check_health=False)
                answer = await connection.read_response()
        except RedisError as error:
            if isinstance(error, redis.ResponseError) and not isinstance(error, NOT_NOW):
                self._idle.append(connection)
            else:
                await connection.disconnect(nowait=True)
            raise
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._idle.append(connection)
        return answer
