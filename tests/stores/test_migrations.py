"""Migrations: together they make what is declared, from nothing and from an old database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.channels import CHANNELS
from schemas.derive.sql import live_columns
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from stores import migrations
from stores.migrations import FOLDER, HEAD
from stores.migrations.catalog import Catalog, create_declared, read_catalog
from stores.migrations.migrate import migrate
from stores.outbox import upsert_row
from stores.outbox.lake_sink import measure_lag
from stores.postgres import connect
from tests.databases import Databases


@pytest.fixture
def empty(postgres: EmbeddedPostgres, home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with nothing in it, which the settings name."""
    databases = Databases(postgres, "template1")
    name = databases.make()
    monkeypatch.setenv("NEWSREEL_DATABASE_URL", postgres.url(name))
    settings.cache_clear()
    yield postgres.url(name)
    databases.drop(name)


def catalog(url: str) -> Catalog:
    """All that PostgreSQL knows of the live tables, and all triggers."""
    with psycopg.connect(url) as connection:
        return read_catalog(connection, LIVE_TABLES)


def test_the_migrations_make_what_the_declarations_say(database_url: str, empty: str) -> None:
    with psycopg.connect(empty) as connection:
        create_declared(connection, LIVE_TABLES)
    migrated, declared = catalog(database_url), catalog(empty)
    assert migrated == declared
    assert {name for name in declared.functions if not name.startswith("record_")} == {
        "tally_reactions",
        "tally_views",
        *(channel.function for channel in CHANNELS),
    }
    assert len(declared.tables) == len(LIVE_TABLES)
    assert all(declared.columns[table.name, column].comment for table, column in live_column_names())


def live_column_names() -> list[tuple[Table, str]]:
    return [(table, column.name) for table in LIVE_TABLES for column in live_columns(table)]


def test_the_head_that_is_written_down_is_the_newest_revision() -> None:
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


def test_a_database_from_before_keeps_its_rows_and_events(empty: str) -> None:
    migrations.upgrade(empty, "0001")
    with connect() as connection:
        connection.execute(
            """INSERT INTO videos (video_id, title, uploader_id, status, sha256, created)
               VALUES ('v', 'A', 'u', 'ready', 'x', now())"""
        )
        connection.execute(
            "INSERT INTO events (table_name, row_key, kind, row) VALUES ('videos', 'v', 'upserted', '{}')"
        )
    migrate()
    migrate()
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": "v"}, {"title": "B"})
        rows = connection.execute("SELECT event_id, kind FROM events ORDER BY event_id").fetchall()
        assert [row["event_id"] for row in rows] == [1, 2]
        assert measure_lag(connection) == 2
        assert migrations.current(connection) == HEAD


def test_events_go_into_the_partition_of_their_day(database_url: str) -> None:
    with connect() as connection:
        upsert_row(
            connection,
            "users",
            {"user_id": "u"},
            {"user_name": "ann", "created": datetime(2026, 11, 23, tzinfo=UTC)},
        )
        [row] = connection.execute("SELECT tableoid::regclass::text AS name, at FROM events").fetchall()
        assert row["name"] == f"events_day_{row['at']:%Y%m%d}"
