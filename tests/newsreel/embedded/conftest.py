"""For those who read the outbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stores.postgres import Connection, connect


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect() as opened:
        yield opened
