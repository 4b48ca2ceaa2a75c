"""Databases of one test each, copies of a template."""

from __future__ import annotations

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import psycopg

from newsreel.embedded.postgres import EmbeddedPostgres


class Databases:
    """Makes and drops them."""

    def __init__(self, postgres: EmbeddedPostgres, template: str) -> None:
        self._postgres, self._template = postgres, template

    def make(self) -> str:
        """The name of a new one."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    def drop(self, name: str) -> None:
        """It is not needed any more, whoever may still be connected."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._postgres.url("template1"), autocommit=True) as connection:
            connection.execute(statement.encode())


class Spares:
    """The next one is made, and the last one dropped, while a test has its own; a context manager.

    Making one is a transaction that the outbox of every database waits for: not for tests that read an outbox at once.
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
        """The name of one that nobody else has."""
        name, self._next = self._next.result(), self._worker.submit(self._databases.make)
        return name

    def drop(self, name: str) -> None:
        """Soon."""
        self._drops.append(self._worker.submit(self._databases.drop, name))
