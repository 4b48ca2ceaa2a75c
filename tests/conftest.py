"""Fixtures of all tests: a HOME, a database on a real PostgreSQL, the project's clip; and hooks of the whole run."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.settings import settings
from stores.delta import Lake
from stores.migrations.migrate import migrate
from tests.databases import Databases, Spares
from tests.units import rank

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.parallel import UnitScheduling

PROJECT = Path(__file__).parent.parent

SLOW_FIXTURES = frozenset({"spark", "airflow_environment", "stack_home", "held_home"})
"""Those that start a JVM, Airflow or the whole stack: their tests are marked `slow`."""

# Not for what tests start: the first hides tests that wait for what a child has not flushed, the second is xdist's.
for _name in ("PYTHONUNBUFFERED", "SPT_NOENV"):
    os.environ.pop(_name, None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> UnitScheduling | None:
    """Units of tests/parallel.py, where pytest runs in several processes with `--dist loadfile`."""
    from tests.parallel import UnitScheduling

    return UnitScheduling(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow by its fixtures, before `-m` selects; in one of several processes put long files first."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())) or "/e2e/" in item.nodeid:
            item.add_marker("slow")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Close what a failed test left open before the next test runs, whose ResourceWarnings it would get.

    The frames of its traceback hold sockets, files and processes; pytest keeps the last one for debuggers.
    """
    failed = item.session.testsfailed
    result = yield
    if item.session.testsfailed > failed:
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            sys.__dict__.pop(name, None)
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
    return result


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same one in all of its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL for the whole session."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    # As root its files are not under the temporary folder: a killed run may have left those of the same name.
    shutil.rmtree(server.folder, ignore_errors=True)
    with server:
        # No test cuts the power: nothing has to wait for the disk, which a new database of every test does most of all.
        with psycopg.connect(server.url("template1"), autocommit=True) as connection:
            for name in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
        yield server
    shutil.rmtree(server.folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty HOME, and settings that know no other one."""
    folder = tmp_path / "home"
    for name in (
        "AIRFLOW_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "LAKE_URI",
        "MEDIA_URI",
        "SPARK_MASTER",
        "BEAM_RUNNER",
    ):
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


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with every declared table, empty, for others to be copied from: ten times as fast."""
    folder = tmp_path_factory.mktemp("empty") / "lake"
    Lake(folder.as_uri()).ensure()
    return folder


@pytest.fixture
def tables(home: Path, empty_lake: Path) -> Lake:
    """A lake of its own, every declared table in it, empty."""
    shutil.copytree(empty_lake, home / "lake")
    return Lake((home / "lake").as_uri())


@pytest.fixture(scope="session")
def clip() -> Path:
    """The real clip that the project ships."""
    return PROJECT / "newsreel" / "clip" / "big_buck_bunny.mp4"
