"""Databases for one test each, copied from a template."""

from __future__ import annotations

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import psycopg

from newsreel.embedded.postgres import EmbeddedPostgres


class Databases:
    """Creates and drops databases."""

    def __init__(self, postgres: EmbeddedPostgres, template: str) -> None:
        self._postgres, self._template = postgres, template

    def make(self) -> str:
        """Create a database; returns its name."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    def drop(self, name: str) -> None:
        """Drop one, ending its connections."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._postgres.url("template1"), autocommit=True) as connection:
            connection.execute(statement.encode())


class Spares:
    """Creates the next database and drops the last one in the background; a context manager.

    Creating one is a transaction that the outbox of every database waits for: do not use this for tests that read an
    outbox at once.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases, self._worker = databases, ThreadPoolExecutor(1)
        self._next = self._worker.submit(databases.make)
        self._drops: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown()
        for dropped in self._drops:
            dropped.result()

    def make(self) -> str:
        """The name of a database for the caller alone."""
        name, self._next = self._next.result(), self._worker.submit(self._databases.make)
        return name

    def settle(self) -> None:
        """Wait until nothing is created or dropped."""
        self._next.result()
        for dropped in self._drops:
            dropped.result()

    def drop(self, name: str) -> None:
        """Drop one in the background."""
        self._drops.append(self._worker.submit(self._databases.drop, name))
