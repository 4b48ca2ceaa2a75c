"""A connection for tests of outbox consumers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from stores.postgres import Connection, connect
from tests.databases import Databases


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, migrated: str) -> Databases:
    """Made one at a time: the transaction that makes a spare one would delay the outbox of the test's own."""
    return Databases(postgres, migrated)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to the test's own database."""
    with connect() as opened:
        yield opened
