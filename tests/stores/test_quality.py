"""Quality gate: rows that violate their declaration are stopped, and the results are recorded."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import QualityError
from stores.delta import Lake
from stores.quality import check_rows

CHUNK: dict[str, Any] = {
    "video_id": "v", "chunk_index": 0, "start_s": 0.0, "end_s": 4.0, "start_pts": 0, "end_pts": 4000,
    "byte_start": None, "byte_end": None, "frames": 96, "state": "sound",
}  # fmt: skip


def test_rows_that_keep_their_promise_pass_and_are_recorded(tables: Lake) -> None:
    met = check_rows("run-1", "chunks", [CHUNK, {**CHUNK, "chunk_index": 1}])
    results = tables.read("quality_results", where={"run_id": "run-1"}).to_pylist()
    assert len(results) == met > 5
    assert all(row["success"] and row["rows"] == 2 for row in results)


def test_an_empty_table_keeps_every_promise(tables: Lake) -> None:
    assert check_rows("run-0", "matches", []) > 0
    assert tables.query("SELECT count(*) AS n FROM quality_results WHERE NOT success").to_pylist() == [
        {"n": 0}
    ]


@pytest.mark.parametrize(
    ("wrong", "expectation"),
    [
        ({"state": "fine"}, "expect_column_values_to_be_in_set"),
        ({"frames": -1}, "expect_column_values_to_be_between"),
        ({"start_s": None}, "expect_column_values_to_not_be_null"),
        ({"chunk_index": 0}, "expect_compound_columns_to_be_unique"),
    ],
)
def test_rows_that_break_it_stop_the_run(tables: Lake, wrong: dict[str, Any], expectation: str) -> None:
    with pytest.raises(QualityError, match=expectation):
        check_rows("run-2", "chunks", [CHUNK, {**CHUNK, "chunk_index": 1, **wrong}])
    failed = tables.query("SELECT expectation, sample FROM quality_results WHERE NOT success").to_pylist()
    assert [row["expectation"].startswith(expectation) for row in failed] == [True]
    assert failed[0]["sample"]


@pytest.mark.usefixtures("tables")
def test_the_library_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    check_rows("run-3", "chunks", [CHUNK])
    assert capfd.readouterr() == ("", "")
