"""Derived migrations: each kind of change becomes SQL that makes what is declared; loss of data is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.errors import InputError
from schemas.table import Column, Table
from schemas.tables import LIVE_TABLES
from schemas.tables.columns import LAST_EVENT_ID
from schemas.tables.live import live_table
from stores import migrations
from stores.migrations.draft import draft_statements, write_migration
from tests.databases import Databases

Draft = Callable[[list[Table]], list[str]]

MUTES = live_table(
    name="mutes",
    comment="Muted accounts.",
    row="one account that mutes another",
    key=("user_id", "muted_id"),
    owner="live API",
    shard_key="user_id",
    columns=(
        Column("user_id", "string", "Who mutes."),
        Column("muted_id", "string", "Who is muted."),
        LAST_EVENT_ID,
    ),
)


@pytest.fixture
def draft(postgres: EmbeddedPostgres, database_url: str) -> Iterator[Draft]:
    """The SQL from what the migrations make to some tables."""
    databases = Databases(postgres, "template1")
    name = databases.make()
    yield lambda tables: draft_statements(database_url, postgres.url(name), tables)
    databases.drop(name)


def redeclare(name: str, **changes: object) -> list[Table]:
    """The live tables, one of them declared otherwise."""
    return [replace(table, **changes) if table.name == name else table for table in LIVE_TABLES]  # type: ignore[arg-type]


def redeclare_column(name: str, column: Column) -> list[Table]:
    """The live tables, one of them with a column more, or with another one of that name."""
    held = {found.name: found for table in LIVE_TABLES if table.name == name for found in table}
    return redeclare(name, columns=tuple((held | {column.name: column}).values()))


def test_what_the_migrations_make_needs_none(draft: Draft) -> None:
    assert draft(list(LIVE_TABLES)) == []


def test_a_new_table_comes_with_its_triggers(draft: Draft) -> None:
    statements = draft([*LIVE_TABLES, MUTES])
    assert [statement.split("(")[0].strip() for statement in statements[:1]] == [
        "CREATE TABLE IF NOT EXISTS mutes"
    ]
    assert sum("TRIGGER record_" in statement for statement in statements) == 3


@pytest.mark.parametrize(
    "column",
    [
        Column("language", "string", "As BCP 47 names it.", nullable=True, allowed=("de", "en")),
        Column("replays", "int64", "How often.", nullable=True, minimum=0, maximum=9, default=0),
        Column("slug", "string", "For links.", nullable=True, unique=True),
    ],
)
def test_a_new_column_comes_with_its_comment_and_in_events(draft: Draft, column: Column) -> None:
    added, comment, function = draft(redeclare_column("videos", column))
    assert added.startswith(f"ALTER TABLE videos ADD COLUMN {column.name} ")
    assert comment == f"COMMENT ON COLUMN videos.{column.name} IS '{column.comment}'"
    assert f"'{column.name}', a.{column.name}" in function


def test_a_new_column_of_a_partitioned_table_reaches_its_partitions(draft: Draft, database_url: str) -> None:
    statements = draft(redeclare_column("views", Column("device", "string", "Its kind.", nullable=True)))
    with psycopg.connect(database_url) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute("SELECT device FROM views_03")


def test_changed_words_values_and_indexes_are_altered(draft: Draft) -> None:
    [statement] = draft(redeclare("posts", comment="It's 100 % new."))
    assert statement == "COMMENT ON TABLE posts IS 'It''s 100 % new.'"
    kinds = next(table for table in LIVE_TABLES if table.name == "reactions").column("kind")
    dropped, added = draft(redeclare_column("reactions", replace(kinds, allowed=("like", "dislike", "love"))))
    assert dropped == "ALTER TABLE reactions DROP CONSTRAINT reactions_kind_check"
    assert "love" in added
    visibility = next(table for table in LIVE_TABLES if table.name == "videos").column("visibility")
    [statement] = draft(redeclare_column("videos", replace(visibility, default="private")))
    assert "SET DEFAULT 'private'" in statement
    assert draft(redeclare("shares", indexes=(("video_id",), ("expires",)))) == [
        "CREATE INDEX IF NOT EXISTS shares_by_expires ON shares (expires)",
        "DROP INDEX shares_by_user_id",
    ]


def test_a_table_that_is_not_counted_any_more_loses_its_triggers(draft: Draft) -> None:
    assert draft(redeclare("views", counters=())) == [
        "DROP TRIGGER tally_delete ON views",
        "DROP TRIGGER tally_insert ON views",
        "DROP FUNCTION tally_views()",
    ]


TITLE = next(table for table in LIVE_TABLES if table.name == "videos").column("title")
POSTS = next(table for table in LIVE_TABLES if table.name == "posts")


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        (
            redeclare("posts", columns=POSTS.columns[:2] + POSTS.columns[3:]),
            "posts.content is not declared any more",
        ),
        (
            redeclare_column("videos", replace(TITLE, type="binary")),
            "videos.title changes its type from text to bytea",
        ),
        (
            redeclare_column("videos", Column("n", "int64", "A number.")),
            "videos.n is new and not nullable",
        ),
        (redeclare("posts", key=("post_id", "user_id")), "posts changes its constraint posts_pkey"),
        (redeclare("views", partitions=8), "views is partitioned otherwise"),
        ([table for table in LIVE_TABLES if table.name != "posts"], "table posts is not declared any more"),
    ],
)
def test_what_would_lose_data_is_refused_by_name(draft: Draft, tables: list[Table], why: str) -> None:
    with pytest.raises(InputError, match="no migration can be derived") as raised:
        draft(tables)
    assert why in str(raised.value)


def test_the_files_are_the_next_revision_and_the_new_head(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "__init__.py").write_text(f'FIRST = 1\nHEAD = "{migrations.HEAD}"\n')
    revision = f"{int(migrations.HEAD) + 1:04}"
    script, program, package = write_migration(["SELECT 1", "SELECT 2"], "two_words", tmp_path)
    assert script.name == f"{revision}_two_words.sql"
    assert script.read_text().endswith("\nSELECT 1;\nSELECT 2;\n")
    assert f'revision = "{revision}"\ndown_revision = "{migrations.HEAD}"\n' in program.read_text()
    assert package.read_text() == f'FIRST = 1\nHEAD = "{revision}"\n'
    with pytest.raises(InputError, match="invalid migration name"):
        write_migration([], "../x", tmp_path)
