"""Imported rows in tables that Spark writes: merged and removed by key, without a commit if nothing changes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from jobs.import_rows import merge_rows, remove_rows
from schemas.derive.arrow import arrow_schema
from schemas.tables import TABLES
from stores.delta import Lake

pytestmark = pytest.mark.usefixtures("home", "spark")


def build_matches(*numbers: int, **more: Any) -> pa.Table:
    rows = [
        {
            "video_id": f"v{number}", "reference_video_id": "r", "query_start_s": 0.25, "kind": "part", "score": 1.0,
            "query_end_s": 2.0, "reference_start_s": 0.0, "reference_end_s": 1.75, **more,
        }
        for number in numbers
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=arrow_schema(TABLES["matches"]))


def test_matches_are_merged_and_removed_by_key(tables: Lake) -> None:
    assert merge_rows("matches", build_matches(1, 2)) == 2
    assert merge_rows("matches", build_matches(2, score=0.5)) == 1
    version = tables.version("matches")
    assert merge_rows("matches", build_matches(2, score=0.5)) == 0
    assert remove_rows("matches", build_matches(9)) == 0
    assert tables.version("matches") == version
    assert remove_rows("matches", build_matches(1, 9)) == 1
    assert tables.read("matches").to_pylist() == build_matches(2, score=0.5).to_pylist()
