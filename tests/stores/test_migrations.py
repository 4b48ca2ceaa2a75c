"""Migrations: what they make together is what the declarations say, from nothing and from an old database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.derive.sql import definition
from schemas.settings import settings
from schemas.tables import LIVE_TABLES
from stores import migrations
from stores.migrations import FOLDER, HEAD
from stores.migrations.migrate import migrate
from stores.outbox import change
from stores.outbox.lake_sink import lag
from stores.postgres import connect
from tests.databases import Databases

CATALOG = (
    """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), collname, col_description(c.oid, a.attnum)
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
       LEFT JOIN pg_collation l ON l.oid = a.attcollation
       WHERE c.relname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE conrelid::regclass::text = ANY(%s) ORDER BY 1, 2""",
    "SELECT tablename, indexdef FROM pg_indexes WHERE tablename = ANY(%s) ORDER BY 1, 2",
    """SELECT tgrelid::regclass::text, pg_get_triggerdef(t.oid), prosrc FROM pg_trigger t
       JOIN pg_proc p ON p.oid = t.tgfoid
       WHERE tgrelid::regclass::text = ANY(%s) AND tgname LIKE 'record%%' ORDER BY 1, 2""",
    "SELECT relname, obj_description(oid, 'pg_class'), relkind FROM pg_class WHERE relname = ANY(%s) ORDER BY 1",
    """SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits
       WHERE inhparent::regclass::text = ANY(%s) ORDER BY 1, 2""",
)


@pytest.fixture
def empty(postgres: EmbeddedPostgres, home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with nothing in it, which the settings name."""
    databases = Databases(postgres, "template1")
    name = databases.make()
    monkeypatch.setenv("NEWSREEL_DATABASE_URL", postgres.url(name))
    settings.cache_clear()
    yield postgres.url(name)
    databases.drop(name)


def catalog(url: str) -> list[list[tuple[Any, ...]]]:
    """All that PostgreSQL knows of the live tables."""
    names = [declared.name for declared in LIVE_TABLES]
    with psycopg.connect(url) as connection:
        return [connection.execute(query.encode(), (names,)).fetchall() for query in CATALOG]


def test_the_migrations_make_what_the_declarations_say(database_url: str, empty: str) -> None:
    with psycopg.connect(empty) as connection:
        for declared in LIVE_TABLES:
            for statement in definition(declared):
                connection.execute(statement.encode())
    assert catalog(database_url) == catalog(empty)


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
        change(connection, "videos", {"video_id": "v"}, {"title": "B"})
        rows = connection.execute("SELECT event_id, kind FROM events ORDER BY event_id").fetchall()
        assert [row["event_id"] for row in rows] == [1, 2]
        assert lag(connection) == 2
        assert migrations.current(connection) == HEAD


def test_events_go_into_the_partition_of_their_day(database_url: str) -> None:
    with connect() as connection:
        change(
            connection,
            "users",
            {"user_id": "u"},
            {"user_name": "ann", "created": datetime(2026, 11, 23, tzinfo=UTC)},
        )
        [row] = connection.execute("SELECT tableoid::regclass::text AS name, at FROM events").fetchall()
        assert row["name"] == f"events_day_{row['at']:%Y%m%d}"
