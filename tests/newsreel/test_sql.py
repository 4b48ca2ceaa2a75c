"""`newsreel sql` as an analyst or a script meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from stores.delta import Lake

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def newsreel(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as typed, in the environment of the test."""
    return subprocess.run(
        [sys.executable, "-m", "newsreel", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


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
