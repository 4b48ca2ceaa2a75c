"""Each derived form of each table is what was agreed: golden files, and engines that accept them.

`python -m newsreel.derived` writes the golden files and the pages anew; what has changed is for a reader of the diff.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from newsreel.derived import forms, with_shard_keys
from schemas.derive.arrow import arrow_schema
from schemas.derive.expectations import expectations, suite
from schemas.derive.markdown import page
from schemas.derive.spark import spark_schema
from schemas.derive.sql import definition
from schemas.table import Column, Table
from schemas.tables import LIVE_TABLES, TABLES

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "tables"


@pytest.mark.parametrize("declared", TABLES.values(), ids=TABLES)
def test_forms_equal_their_golden_file(declared: Table) -> None:
    assert forms(declared) == (GOLDEN / f"{declared.name}.txt").read_text()


@pytest.mark.parametrize("declared", TABLES.values(), ids=TABLES)
def test_docs_page_is_the_declaration(declared: Table) -> None:
    assert page(declared) == (DOCS / f"{declared.name}.md").read_text()


def test_the_page_on_sharding_lists_the_declared_keys() -> None:
    text = (DOCS.parent / "sharding.md").read_text()
    assert with_shard_keys(text) == text


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
        assert len(suite(declared).expectations) == len(expectations(declared))


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
