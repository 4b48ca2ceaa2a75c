"""`newsreel sql`: formats, files, personal columns, progress, and errors."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.tables import TABLES
from stores.delta import Lake
from tests.processes import ChildProgram, newsreel

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def one_run(tables: Lake) -> None:
    tables.merge(
        "pipeline_runs",
        [{"run_id": "r,1", "stage": "inspect", "attempt": 1, "state": "running", "started": AT}],
    )


@pytest.mark.usefixtures("one_run")
def test_json_is_one_array_of_objects() -> None:
    done = newsreel("sql", "SELECT run_id, started, rows FROM pipeline_runs", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{"run_id": "r,1", "started": "2026-11-23T10:00:00Z", "rows": None}]


@pytest.mark.usefixtures("home")
def test_json_has_null_for_what_is_no_number() -> None:
    query = "SELECT CAST('NaN' AS DOUBLE) AS a, 1e308 * 10 AS b, 0.5 AS c, make_array(1.5) AS d"
    assert json.loads(newsreel("sql", query, "--json").stdout) == [
        {"a": None, "b": None, "c": 0.5, "d": [1.5]}
    ]


@pytest.mark.usefixtures("one_run")
def test_csv_quotes_and_leaves_null_empty() -> None:
    done = newsreel("sql", "SELECT run_id, rows FROM pipeline_runs", "--format", "csv")
    assert (done.returncode, done.stdout) == (0, 'run_id,rows\n"r,1",\n')


@pytest.mark.usefixtures("home")
def test_csv_has_values_as_import_reads_them() -> None:
    done = newsreel(
        "sql", "SELECT make_array('a', 'b,c') AS reasons, x'00ff' AS hash, true AS sure", "--format", "csv"
    )
    assert done.stdout == 'reasons,hash,sure\n"[""a"", ""b,c""]",00ff,True\n'


@pytest.mark.usefixtures("one_run")
def test_a_table_is_for_people() -> None:
    done = newsreel("sql", "SELECT run_id, attempt FROM pipeline_runs")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines() if line.strip()] == [
        ["run_id", "attempt"],
        ["r,1", "1"],
    ]


@pytest.mark.usefixtures("home")
def test_a_fresh_home_has_every_table_empty() -> None:
    done = newsreel("sql", "SELECT count(*) AS n FROM matches", "--json")
    assert json.loads(done.stdout) == [{"n": 0}]


@pytest.fixture
def one_person(tables: Lake) -> None:
    tables.merge("users", [{"user_id": "u", "user_name": "ann", "created": AT, "last_event_id": 1}])


@pytest.mark.usefixtures("one_person")
def test_who_somebody_is_is_hidden_unless_asked_for_and_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    done = newsreel("sql", "SELECT * FROM users", "--json")
    assert json.loads(done.stdout) == [
        {"user_id": "u", "last_login": None, "created": "2026-11-23T10:00:00Z", "last_event_id": 1}
    ]
    done = newsreel("sql", "SELECT user_name FROM users", "--json")
    assert done.returncode == 2
    assert "user_name identifies a person" in json.loads(done.stdout)["error"]["detail"]
    done = newsreel("sql", "SELECT user_name FROM users", "--personal", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (3, "forbidden")
    monkeypatch.setenv("NEWSREEL_PERSONAL", "allowed")
    assert newsreel("sql", "SELECT user_name FROM users", "--json").returncode == 2
    done = newsreel("sql", "SELECT user_name FROM users", "--personal", "--json")
    assert json.loads(done.stdout) == [{"user_name": "ann"}]


@pytest.mark.usefixtures("one_person")
@pytest.mark.parametrize(
    "query",
    [
        "SELECT email FROM users AS OF 1",
        "SELECT u.email FROM users u",
        "SELECT count(*) FROM users WHERE user_name LIKE 'a%'",
        "SELECT lower(name) FROM (SELECT * FROM users)",
    ],
)
def test_no_way_round_leads_to_a_hidden_column(query: str) -> None:
    done = newsreel("sql", query)
    assert done.returncode == 2
    assert "identifies a person and is hidden" in done.stderr


@pytest.mark.usefixtures("one_person")
def test_a_table_as_it_was() -> None:
    query = (
        "SELECT (SELECT count(*) FROM users) AS now, (SELECT count(*) FROM users AS OF 0) AS then, "
        "(SELECT count(*) FROM users AS OF '2100-01-01') AS later"
    )
    assert json.loads(newsreel("sql", query, "--json").stdout) == [{"now": 1, "then": 0, "later": 1}]


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.parquet"])
@pytest.mark.usefixtures("one_run")
def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    done = newsreel("sql", "SELECT run_id, started, rows FROM pipeline_runs", "--out", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    assert f"1 row in {out}" in done.stderr
    if name.endswith("parquet"):
        assert pq.read_table(out).to_pylist() == [{"run_id": "r,1", "started": AT, "rows": None}]
    else:
        assert out.read_bytes() in (
            b'run_id,started,rows\r\n"r,1",2026-11-23T10:00:00Z,\r\n',
            b'[{"run_id": "r,1", "started": "2026-11-23T10:00:00Z", "rows": null}]\n',
        )
    before = out.read_bytes()
    broken = "SELECT 1 / (5 - value) AS x FROM range(10)"
    assert newsreel("sql", broken, "--out", str(out)).returncode == 2
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == [name]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "rows.txt"], "end the name in .csv, .json or .parquet"),
        (["--format", "table", "--out", "rows.csv"], "choose csv, json or parquet"),
        (["--out", "/no/such/folder/rows.csv"], "/no/such/folder"),
    ],
)
def test_a_place_that_rows_cannot_go_to_is_said(options: list[str], said: str) -> None:
    done = newsreel("sql", "SELECT 1 AS one", *options)
    assert done.returncode in (2, 3)
    assert said in done.stderr


@pytest.mark.usefixtures("home")
def test_parquet_goes_through_a_pipe() -> None:
    command = [sys.executable, "-m", "newsreel", "sql", "SELECT 1 AS one", "--format", "parquet"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=600)
    assert pq.read_table(io.BytesIO(done.stdout)).to_pylist() == [{"one": 1}]


@pytest.mark.usefixtures("home")
def test_a_long_question_tells_how_long_and_is_heard_when_it_is_interrupted() -> None:
    query = "SELECT sum(a.value * b.value) AS n FROM range(3000000) AS a CROSS JOIN range(3000000) AS b"
    command = [sys.executable, "-m", "newsreel", "sql", query]
    with ChildProgram(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert "running for " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


@pytest.mark.usefixtures("home")
def test_ten_million_rows_are_counted_on_a_screen_and_streamed_into_a_file(tmp_path: Path) -> None:
    query = "SELECT value AS n FROM range(10000000)"
    done = newsreel("sql", query)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1_001
    assert "first 1,000 of 10,000,000 rows; write all to a file with --out FILE.csv" in done.stderr
    out = tmp_path / "rows.parquet"
    assert newsreel("sql", query, "--out", str(out)).returncode == 0
    assert pq.ParquetFile(out).metadata.num_rows == 10_000_000


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM video", "no table video, did you mean videos; the tables are users, "),
        ("SELECT titel FROM videos", "no column titel, did you mean title; videos has video_id, "),
        ("SELECT title FROM videos ORDER BY", "invalid SQL: Expected: an expression"),
        ("INSERT INTO videos VALUES (1)", "`newsreel sql` only reads"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'", "COPY is not permitted"),
        ("SELECT 1; SELECT 2", "run one at a time"),
        ("SELECT * FROM videos AS OF 99", "videos has no version 99: its versions are 0 to 0"),
        ("SELECT 1 / 0", "Divide by zero"),
        ("", "no query is given"),
    ],
)
def test_a_bad_question_is_answered_in_words(query: str, said: str) -> None:
    done = newsreel("sql", query)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.usefixtures("home")
def test_show_tables_lists_what_there_is() -> None:
    found = json.loads(newsreel("sql", "SHOW TABLES", "--json").stdout)
    assert [row["table_name"] for row in found] == list(TABLES)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("query", ["SELECT nothing FROM videos", "DROP TABLE videos", "nonsense"])
def test_a_bad_question_is_exit_2_and_says_why(query: str) -> None:
    done = newsreel("sql", query, "--format", "json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "input"
    assert error["detail"]
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments", [["sql"], ["sql", "SELECT 1", "--format", "xml"], ["nosuch"], ["sql", "--odd"]]
)
def test_wrong_use_is_exit_2(arguments: list[str]) -> None:
    done = newsreel(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
