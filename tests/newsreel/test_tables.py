"""`newsreel tables --verify` and `newsreel rebuild`, as typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from schemas.tables import TABLES
from stores.delta import Lake
from tests.processes import newsreel

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database_url")


@pytest.fixture
def doubled(tables: Lake) -> Lake:
    """A lake whose `pipeline_runs` two overlapping compactions have doubled."""
    for run in ("r1", "r2"):
        row = {"run_id": run, "stage": "inspect", "attempt": 1, "state": "running", "started": AT}
        tables.merge("pipeline_runs", [row])
    first, second = tables.open("pipeline_runs"), tables.open("pipeline_runs")
    first.optimize.compact()
    second.optimize.compact()
    return tables


def test_doubled_rows_are_found_and_removed(doubled: Lake) -> None:
    found = newsreel("tables", "--verify")
    assert found.returncode == 1
    assert (
        "pipeline_runs: keys with more than one row, for example r1/inspect/1, r2/inspect/1" in found.stderr
    )
    assert "pipeline_runs: `newsreel rebuild pipeline_runs` makes it again" in found.stderr
    repaired = newsreel("rebuild", "pipeline_runs")
    assert (repaired.returncode, repaired.stdout, repaired.stderr) == (
        0,
        "pipeline_runs: 2 rows, 4 before\n",
        "",
    )
    again = newsreel("tables", "--verify", "--json")
    assert again.returncode == 0
    told = json.loads(again.stdout)["tables"]
    assert [one["table"] for one in told] == list(TABLES)
    assert all(one["damaged"] == [] and one["doubled_keys"] == 0 for one in told)
    assert doubled.read("pipeline_runs")["run_id"].to_pylist() == ["r1", "r2"]


def test_a_damaged_file_that_nothing_makes_again_is_said_so(doubled: Lake) -> None:
    damaged = Path(unquote(urlsplit(doubled.open("pipeline_runs").file_uris()[0]).path))
    damaged.write_bytes(damaged.read_bytes()[:50])
    found = newsreel("tables", "pipeline_runs", "--verify", "--json")
    assert found.returncode == 1
    [told] = json.loads(found.stdout)["tables"]
    assert [one["path"] for one in told["damaged"]] == [damaged.name]
    version = doubled.version("pipeline_runs")
    refused = newsreel("rebuild", "pipeline_runs", "--json")
    assert refused.returncode == 3
    assert "has a damaged file" in json.loads(refused.stdout or refused.stderr)["error"]["detail"]
    assert doubled.version("pipeline_runs") == version


@pytest.mark.parametrize("arguments", [("rebuild", "nothing"), ("tables", "nothing", "--verify")])
def test_an_unknown_table_is_named(tables: Lake, arguments: tuple[str, ...]) -> None:
    done = newsreel(*arguments)
    assert done.returncode == 1
    assert "nothing" in done.stderr
