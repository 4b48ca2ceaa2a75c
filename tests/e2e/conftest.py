"""Fixture: one HOME for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.house import House, make_house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """HOME shared by the tests of one module, which run in order."""
    with make_house(tmp_path_factory.mktemp("house")) as house:
        yield house
