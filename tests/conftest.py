"""What every test may ask for: a HOME of its own, a database of its own on a real PostgreSQL, the project's clip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.settings import settings
from stores.delta import Lake
from stores.migrations.migrate import migrate
from tests.databases import Databases, Spares

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL for the whole session."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    with server:
        yield server
    shutil.rmtree(server.folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty HOME, and settings that know no other one."""
    folder = tmp_path / "home"
    for name in ("DATABASE_URL", "LAKE_URI", "MEDIA_URI", "SPARK_MASTER", "BEAM_RUNNER"):
        monkeypatch.delenv(f"NEWSREEL_{name}", raising=False)
    monkeypatch.setenv("NEWSREEL_HOME", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The name of an empty, migrated database, for others to be made of."""
    name = "migrated"
    with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREEL_DATABASE_URL", postgres.url(name))
        settings.cache_clear()
        migrate()
    settings.cache_clear()
    return name


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, migrated: str) -> Databases:
    """Empty, migrated databases for one test each."""
    return Databases(postgres, migrated)


@pytest.fixture
def database_url(
    postgres: EmbeddedPostgres, databases: Databases | Spares, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """An empty, migrated database of its own."""
    name = databases.make()
    monkeypatch.setenv("NEWSREEL_DATABASE_URL", postgres.url(name))
    settings.cache_clear()
    assert settings().home == home
    yield postgres.url(name)
    settings.cache_clear()
    databases.drop(name)


@pytest.fixture
def tables(home: Path) -> Lake:
    """A lake of its own, every declared table in it, empty."""
    found = Lake((home / "lake").as_uri())
    found.ensure()
    return found


@pytest.fixture(scope="session")
def clip() -> Path:
    """The real clip that the project ships."""
    return PROJECT / "newsreel" / "clip" / "big_buck_bunny.mp4"
