"""Policy of DAG files: one DAG, documented, owned, retried, bounded, short, and cheap to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "dags"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
LONGEST_LINES = 120
LONGEST_IMPORT_S = 5.0


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def facts_of_all(airflow_environment: dict[str, str]) -> dict[Path, dict[str, Any]]:
    program = Path(__file__).with_name("dag_facts.py")
    done = subprocess.run(
        [sys.executable, str(program), *map(str, FILES)],
        check=False, env=airflow_environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"import_s"')]
    return dict(zip(FILES, map(json.loads, lines), strict=True))


@pytest.fixture
def facts(file: Path, facts_of_all: dict[Path, dict[str, Any]]) -> dict[str, Any]:
    return facts_of_all[file]


def test_there_are_dags():
    assert {path.stem for path in FILES} >= {"ingest_video", "refresh_tables"}


def test_it_holds_one_dag_of_its_own_name(file: Path, facts: dict[str, Any]):
    assert [dag["dag_id"] for dag in facts["dags"]] == [file.stem]


def test_its_docstring_is_its_page_and_says_what_a_person_needs(facts: dict[str, Any]):
    [dag] = facts["dags"]
    assert dag["doc"] == dag["module_doc"]
    for heading in ("**Owner**", "**Idempotent** yes", "**When it fails**"):
        assert heading in dag["doc"]


def test_every_task_has_an_owner_who_is_named_on_the_page(facts: dict[str, Any]):
    [dag] = facts["dags"]
    named = re.search(r"\*\*Owner\*\* (\w+)", dag["doc"])
    assert named
    assert {task["owner"] for task in dag["tasks"]} == {named[1]}


def test_every_task_is_retried_soon_and_bounded(facts: dict[str, Any]):
    [dag] = facts["dags"]
    for task in dag["tasks"]:
        assert task["retries"] >= 2, task
        assert task["retry_delay_s"] <= 10, task
        assert task["timeout_s"], task


def test_its_runs_are_bounded_and_never_catch_up(facts: dict[str, Any]):
    [dag] = facts["dags"]
    assert 1 <= dag["max_active_runs"] <= 16
    assert dag["catchup"] is False
    assert dag["tags"]


def test_it_is_wiring_only(file: Path):
    source = file.read_text()
    assert len(source.splitlines()) <= LONGEST_LINES
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE))
    assert imported <= {"__future__", "datetime", "airflow", "schemas", "dags"}


def test_it_is_cheap_to_read(facts: dict[str, Any]):
    assert facts["heavy"] == []
    assert facts["import_s"] < LONGEST_IMPORT_S


def test_the_processor_reads_dag_files_only():
    ignored = (FOLDER / ".airflowignore").read_text().split()
    assert "operators/" in ignored
    assert "__init__.py" in ignored
