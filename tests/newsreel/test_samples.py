"""Sample queries of the tables' pages: three for each table, valid on an empty lake."""

from __future__ import annotations

import pytest

from schemas.samples import read_samples
from schemas.tables import TABLES
from stores.delta import Lake


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_three_that_are_about_it(name: str) -> None:
    found = read_samples(TABLES[name])
    assert len(found) == 3
    for sample in found:
        assert sample.question.endswith("?")
        assert name in sample.sql


def test_an_empty_lake_answers_all_of_them(tables: Lake) -> None:
    for declared in TABLES.values():
        for sample in read_samples(declared):
            assert tables.query(sample.sql).num_rows <= 1, sample.sql
