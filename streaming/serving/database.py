"""PostgreSQL connection pools with bounded connections and statements; transactions pass on the request's id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Request
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from schemas.errors import DependencyError
from schemas.settings import settings
from streaming.serving.request_id import request_id

Connection = psycopg.AsyncConnection[dict[str, Any]]
Row = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]

CONNECTIONS = 16
"""At most, per process and server: PostgreSQL has 100 in total."""
WAITING_REQUESTS = 1_000
"""Requests that may wait for a connection; further ones get 503."""
WAIT_S, REPLICA_WAIT_S = 5.0, 0.5
"""Longest wait for a connection. The primary serves what the replica cannot in that time."""
STATEMENT_TIMEOUT_MS = 5_000
IDLE_TRANSACTION_TIMEOUT_MS = 10_000
REPLICA_LAG_S = 5.0
"""A replica that lags further behind is not read."""

OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_TRANSACTION_TIMEOUT_MS,
        "lock_timeout": STATEMENT_TIMEOUT_MS,
        "timezone": "UTC",
        # Statements are short, and their plans depend little on the parameters.
        "plan_cache_mode": "force_generic_plan",
    }.items()
)


class Database:
    """The primary, and a read replica if configured. Raises DependencyError if PostgreSQL is unavailable."""

    def __init__(self, url: str | None = None, replica_url: str | None = None) -> None:
        """Connects on `open`; the URLs default to those of the settings."""
        self.url = url or settings().database_url or ""
        if not self.url:
            raise DependencyError(
                "NEWSREEL_DATABASE_URL is not set: set it, or start this through `newsreel up`"
            )
        self._primary = _build_pool(self.url, "primary", WAIT_S)
        replica = replica_url or settings().database_replica_url
        self._replica = _build_pool(replica, "replica", REPLICA_WAIT_S) if replica else None
        self._replica_is_near = False

    async def open(self) -> None:
        """Start to connect; returns at once, even if no server responds."""
        for pool in self._pools():
            await pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools():
            await pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction on the primary, committed unless the block raises; its events carry the request's id."""
        async with _connect(self._primary) as connection, connection.transaction():
            await connection.execute(_MARK, (request_id.get(),))
            yield connection

    async def write(self, query: str, parameters: Parameters = ()) -> list[Row]:
        """Execute a statement that changes rows, as a transaction in one round trip; returns the rows of RETURNING."""
        async with _connect(self._primary) as connection:
            # Statements of one pipeline, up to its end, are one implicit transaction (PostgreSQL, section 54.2.4).
            async with connection.pipeline():
                await connection.execute(_MARK, (request_id.get(),))
                cursor = await connection.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    @property
    def has_replica(self) -> bool:
        """Whether there is a replica, and its lag permits reads."""
        return self._replica is not None and self._replica_is_near

    async def watch_replica(self) -> None:
        """Measure the replica's lag; cheap, to be called every second or so."""
        if self._replica is None:
            return
        self._replica_is_near = False
        async with _connect(self._replica) as connection:
            row = await (await connection.execute(_LAG)).fetchone()
        self._replica_is_near = row is not None and row["lag_s"] <= REPLICA_LAG_S

    async def all(self, query: str, parameters: Parameters = (), *, stale: bool = False) -> list[Row]:
        """The rows of a query; `stale`: a replica may serve it, up to `REPLICA_LAG_S` behind, else the primary."""
        if stale and self._replica is not None and self._replica_is_near:
            try:
                return await _fetch(self._replica, query, parameters)
            except DependencyError:
                self._replica_is_near = False  # until the next measurement
        return await _fetch(self._primary, query, parameters)

    async def one(self, query: str, parameters: Parameters = (), *, stale: bool = False) -> Row | None:
        """The first row of a query, or None."""
        rows = await self.all(query, parameters, stale=stale)
        return rows[0] if rows else None

    def pool_stats(self) -> dict[str, int]:
        """Statistics of the primary's pool, named as in psycopg_pool."""
        return dict(self._primary.get_stats())

    def _pools(self) -> list[AsyncConnectionPool[Connection]]:
        return [pool for pool in (self._primary, self._replica) if pool is not None]


async def get_database(request: Request) -> Database:
    """The application's database."""
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]

_LAG = b"""
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0
    -- A replica without a WAL receiver has replayed all that it received, and may still be hours behind.
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 1e9) END::float AS lag_s
"""
_MARK = b"SELECT set_config('newsreel.request_id', %s, true)"


def _build_pool(url: str, name: str, wait_s: float) -> AsyncConnectionPool[Connection]:
    return AsyncConnectionPool(
        url,
        connection_class=psycopg.AsyncConnection[dict[str, Any]],
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,
            "connect_timeout": 5,
            "options": OPTIONS,
            "prepare_threshold": 2,
        },
        min_size=2,
        max_size=CONNECTIONS,
        max_waiting=WAITING_REQUESTS,
        timeout=wait_s,
        reconnect_timeout=10,
        open=False,
        name=name,
    )


async def _fetch(pool: AsyncConnectionPool[Connection], query: str, parameters: Parameters) -> list[Row]:
    async with _connect(pool) as connection:
        return await (await connection.execute(query.encode(), parameters)).fetchall()


@asynccontextmanager
async def _connect(pool: AsyncConnectionPool[Connection]) -> AsyncIterator[Connection]:
    """A connection of a pool. Raises DependencyError for what the server cannot do now."""
    try:
        async with pool.connection() as connection:
            yield connection
    except (PoolTimeout, TooManyRequests) as error:
        raise DependencyError(f"PostgreSQL ({pool.name}) has no free connection: {error}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        # Gone, restarting, a statement that timed out, a deadlock: all of them may be retried.
        raise DependencyError(f"PostgreSQL ({pool.name}): {' '.join(str(error).split())}") from error
