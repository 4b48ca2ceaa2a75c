"""Lake: atomic, repeatable, readable without a JVM, safe with concurrent writers."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.errors import ConflictError, InputError, NotFoundError
from schemas.table import Column
from schemas.tables import TABLES
from stores.delta import Lake

AT = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)


def run(number: int, state: str = "running", **more: Any) -> dict[str, Any]:
    return {"run_id": f"r{number}", "stage": "inspect", "attempt": 1, "state": state, "started": AT, **more}


def event(number: int) -> dict[str, Any]:
    return {
        "event_id": number,
        "transaction_id": number,
        "table_name": "videos",
        "row_key": "v",
        "kind": "upserted",
        "row": "{}",
        "at": AT,
    }


def test_every_declared_table_is_there_and_empty(tables: Lake) -> None:
    for name in TABLES:
        assert tables.query(f"SELECT count(*) AS rows FROM {name}").to_pylist() == [{"rows": 0}]
    before = tables.version("videos")
    tables.ensure()
    assert tables.version("videos") == before


def test_a_column_that_is_declared_later_is_added_and_earlier_rows_hold_null(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.merge("pipeline_runs", [run(1)])
    declared = TABLES["pipeline_runs"]
    later = replace(declared, columns=(*declared.columns, Column("host", "string", "Where.", nullable=True)))
    monkeypatch.setitem(TABLES, "pipeline_runs", later)
    tables.ensure()
    version = tables.version("pipeline_runs")
    assert tables.read("pipeline_runs", ["run_id", "host"]).to_pylist() == [{"run_id": "r1", "host": None}]
    tables.ensure()
    assert tables.version("pipeline_runs") == version
    strict = replace(later, columns=(*later.columns, Column("port", "int64", "Which.", default=0)))
    monkeypatch.setitem(TABLES, "pipeline_runs", strict)
    with pytest.raises(ConflictError, match="lacks the column port"):
        tables.ensure()


def test_rows_come_back_as_they_were_written(tables: Lake) -> None:
    row = run(1, "failed", video_id="o'neil; --", detail="ünïcode\n\u2028", ended=AT, duration_s=0.1, rows=3)
    tables.merge("pipeline_runs", [row])
    assert tables.read("pipeline_runs", where={"video_id": "o'neil; --"}).to_pylist() == [row]


def test_merge_replaces_by_key_and_a_repeat_makes_no_commit(tables: Lake) -> None:
    assert tables.merge("pipeline_runs", [run(1), run(2)]) == 2
    assert tables.merge("pipeline_runs", [run(2, "succeeded"), run(1)]) == 1
    version = tables.version("pipeline_runs")
    assert tables.merge("pipeline_runs", [run(2, "succeeded"), run(1)]) == 0
    assert tables.version("pipeline_runs") == version
    assert {row["run_id"]: row["state"] for row in tables.read("pipeline_runs").to_pylist()} == {
        "r1": "running",
        "r2": "succeeded",
    }


def test_replace_touches_its_scope_alone_and_a_repeat_makes_no_commit(tables: Lake) -> None:
    tables.merge("pipeline_runs", [run(1, video_id="a"), run(2, video_id="b")])
    wanted = [run(3, video_id="a"), run(4, video_id="a")]
    assert tables.replace("pipeline_runs", scope={"video_id": "a"}, rows=wanted) == 2
    version = tables.version("pipeline_runs")
    assert tables.replace("pipeline_runs", scope={"video_id": "a"}, rows=reversed(wanted)) == 0
    assert tables.version("pipeline_runs") == version
    assert tables.replace("pipeline_runs", scope={"video_id": "a"}, rows=[]) == 0
    assert tables.read("pipeline_runs").column("run_id").to_pylist() == ["r2"]


def test_an_application_transaction_is_appended_once(tables: Lake) -> None:
    assert tables.append_once("events", [event(1)], app_id="sink", version=1)
    assert not tables.append_once("events", [event(1)], app_id="sink", version=1)
    assert tables.append_once("events", [event(2)], app_id="sink", version=2)
    assert tables.read("events").column("event_id").to_pylist() == [1, 2]
    assert tables.transaction_version("events", "sink") == 2


def test_ten_writers_of_the_same_transaction_append_it_once(tables: Lake) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: tables.append_once("events", [event(1)], app_id="sink", version=1), range(10))
        )
    assert sorted(answers) == [False] * 9 + [True]
    assert tables.read("events").num_rows == 1


def test_writers_of_different_rows_lose_nothing(tables: Lake) -> None:
    def write(number: int) -> int:
        return tables.replace("pipeline_runs", scope={"run_id": f"r{number}"}, rows=[run(number)])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(write, range(6))) == [1] * 6
    assert tables.read("pipeline_runs").num_rows == 6


def test_an_earlier_version_can_be_read(tables: Lake) -> None:
    tables.merge("pipeline_runs", [run(1)])
    version = tables.version("pipeline_runs")
    tables.merge("pipeline_runs", [run(1, "failed")])
    assert tables.read("pipeline_runs", as_of=version).column("state").to_pylist() == ["running"]


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "-- hello\nCREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
        "DROP TABLE videos",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM nowhere",
        "",
    ],
)
def test_anything_but_one_reading_query_is_refused(tables: Lake, query: str) -> None:
    with pytest.raises(InputError):
        tables.query(query)


def test_a_comment_before_a_query_is_fine(tables: Lake) -> None:
    assert tables.query("-- how many\n/* really */ SELECT count(*) AS n FROM videos").to_pylist() == [
        {"n": 0}
    ]


def test_an_unknown_table_is_named(tables: Lake) -> None:
    with pytest.raises(NotFoundError, match="no table 'nowhere'"):
        tables.read("nowhere")


def test_reading_starts_no_jvm_and_ends_cleanly(tables: Lake) -> None:
    tables.merge("pipeline_runs", [run(1)])
    program = (
        "import sys; from stores.delta import Lake; print(Lake(sys.argv[1]).read('pipeline_runs').num_rows)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tables.uri], check=False, capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_rows_are_added_only_where_their_key_is_free(tables: Lake) -> None:
    assert tables.add("pipeline_runs", [run(1)]) == 1
    assert tables.add("pipeline_runs", [run(1, "failed"), run(2)]) == 1
    version = tables.version("pipeline_runs")
    assert tables.add("pipeline_runs", [run(1, "failed")]) == 0
    assert tables.version("pipeline_runs") == version
    assert tables.read("pipeline_runs").column("state").to_pylist() == ["running", "running"]


def test_rows_are_removed_by_their_whole_key(tables: Lake) -> None:
    tables.merge("pipeline_runs", [run(1), run(2), {**run(1), "attempt": 2}])
    keys = [
        {"run_id": "r1", "stage": "inspect", "attempt": 1},
        {"run_id": "r2", "stage": "inspect", "attempt": 2},
    ]
    assert tables.remove("pipeline_runs", keys) == 1
    version = tables.version("pipeline_runs")
    assert tables.remove("pipeline_runs", keys) == 0
    assert tables.version("pipeline_runs") == version
    held = tables.read("pipeline_runs").to_pylist()
    assert [(row["run_id"], row["attempt"]) for row in held] == [("r1", 2), ("r2", 1)]
