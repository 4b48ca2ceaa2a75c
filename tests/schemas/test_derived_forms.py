"""Derived forms of the tables: equal to their golden files, and accepted by their engines.

`python -m newsreel.derived` rewrites the golden files and the pages; review the diff.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from newsreel.derived import render_forms, render_pages, replace_shard_keys
from schemas.derive.arrow import arrow_schema
from schemas.derive.expectations import build_suite, list_expectations
from schemas.derive.spark import spark_schema
from schemas.derive.sql import definition
from schemas.table import Column, Table
from schemas.tables import LIVE_TABLES, TABLES

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "tables"
PARTITIONING = DOCS.parent / "scaling" / "partitioning.md"


@pytest.mark.parametrize("declared", TABLES.values(), ids=TABLES)
def test_forms_equal_their_golden_file(declared: Table) -> None:
    assert render_forms(declared) == (GOLDEN / f"{declared.name}.txt").read_text()


def test_pages_and_picture_are_the_declarations() -> None:
    made = render_pages(DOCS)
    assert {path for path in DOCS.iterdir() if path.suffix in (".md", ".svg")} == set(made)
    for path, text in made.items():
        assert path.read_text() == text, path.name


def test_the_page_on_partitioning_lists_the_declared_keys() -> None:
    assert replace_shard_keys(PARTITIONING.read_text()) == PARTITIONING.read_text()


def test_every_live_table_has_a_shard_key_in_its_key_but_for_those_that_the_page_names() -> None:
    apart = set()
    for declared in LIVE_TABLES:
        assert declared.shard_key is not None, declared.name
        assert not declared.column(declared.shard_key).nullable, declared.name
        if declared.shard_key not in declared.key:
            apart.add(declared.name)
    assert apart == {"posts", "uploads", "comments", "shares", "audit_log"}


def test_every_other_table_of_postgresql_is_on_the_page_on_partitioning(database_url: str) -> None:
    live = {declared.name for declared in LIVE_TABLES}
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
               AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"""
        ).fetchall()
    page = PARTITIONING.read_text()
    others = {name for (name,) in found} - live
    assert others
    assert {name for name in others if f"| `{name}` |" not in page} == set()


def test_foreign_keys_are_by_one_shard_key(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            """SELECT pg_get_constraintdef(oid) FROM pg_constraint
               WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace"""
        ).fetchall()
    assert {rule for (rule,) in found} == {
        "FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE"
    }


@pytest.mark.parametrize("declared", TABLES.values(), ids=TABLES)
def test_spark_and_arrow_agree_on_names_and_nulls(declared: Table) -> None:
    in_arrow = [(field.name, field.nullable) for field in arrow_schema(declared)]
    assert in_arrow == [(field.name, field.nullable) for field in spark_schema(declared)]


def test_every_timestamp_is_utc_in_microseconds() -> None:
    for declared in TABLES.values():
        for field in arrow_schema(declared):
            if pa.types.is_timestamp(field.type):
                assert field.type == pa.timestamp("us", tz="UTC"), f"{declared.name}.{field.name}"


def test_postgresql_takes_each_live_table_twice_with_its_comments(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for declared in LIVE_TABLES:
            for statement in definition(declared):
                connection.execute(statement.encode())
            row = connection.execute(
                "SELECT obj_description(%s::regclass, 'pg_class')", (declared.name,)
            ).fetchone()
            assert row == (declared.comment,)


def test_great_expectations_takes_each_suite() -> None:
    for declared in TABLES.values():
        assert len(build_suite(declared).expectations) == len(list_expectations(declared))


def test_a_key_that_may_be_null_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be nullable"):
        Table(
            name="wrong",
            comment="",
            row="",
            key=("id",),
            columns=(Column("id", "string", "", nullable=True),),
            writer="spark",
            owner="",
            written_by="",
            fresh_within_s=None,
        )


def test_events_and_the_lake_alone_hold_no_personal_column() -> None:
    assert {name for name, declared in TABLES.items() if declared.personal_columns} == {"users"}
