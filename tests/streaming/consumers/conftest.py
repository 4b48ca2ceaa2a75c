"""A connection for tests of outbox consumers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from stores.postgres import Connection, connect
from tests.databases import Databases, Spares


@pytest.fixture(scope="package")
def databases(databases: Spares, postgres: EmbeddedPostgres, migrated: str) -> Databases:
    """Created one at a time: a spare one's transaction would delay the outbox of the test's own database."""
    databases.settle()  # the spares of the tests before these
    return Databases(postgres, migrated)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to the test's own database."""
    with connect() as opened:
        yield opened
