"""Fixture of a HOME whose PostgreSQL runs already."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsreel.embedded.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def held_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A HOME whose PostgreSQL is held, so that a module creates its databases once."""
    home = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(home) as server:
        yield home
    shutil.rmtree(server.folder)
