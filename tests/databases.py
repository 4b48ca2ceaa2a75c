"""Databases of one test each. The next one is made, and the last one dropped, while a test has its own."""

from __future__ import annotations

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import psycopg

from newsreel.embedded.postgres import EmbeddedPostgres


class Databases:
    """Copies of a template; a context manager."""

    def __init__(self, postgres: EmbeddedPostgres, template: str) -> None:
        self._postgres, self._template = postgres, template
        self._worker = ThreadPoolExecutor(1)
        self._next = self._worker.submit(self._make)
        self._drops: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown()
        for dropped in self._drops:
            dropped.result()

    def take(self) -> str:
        """The name of one that nobody else has."""
        name, self._next = self._next.result(), self._worker.submit(self._make)
        return name

    def drop(self, name: str) -> None:
        """It is not needed any more, whoever may still be connected."""
        self._drops.append(self._worker.submit(self._execute, f'DROP DATABASE "{name}" WITH (FORCE)'))

    def _make(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._postgres.url("template1"), autocommit=True) as connection:
            connection.execute(statement.encode())
