"""Units of tests that stay in one process, and the order in which they start when several processes run them."""

from __future__ import annotations

SHARED = ("tests/jobs/", "tests/dags/")
"""Folders whose tests share what takes long to start: a Spark session, an Airflow."""

LONGEST_FIRST = (
    "tests/e2e/test_kills.py",
    "tests/jobs/",
    "tests/e2e/test_main_job.py",
    "tests/e2e/test_lake_kills.py",
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_analysts.py",
    "tests/e2e/test_data_engineers_page.py",
    "tests/newsreel/embedded/test_stack.py",
    "tests/e2e/",
    "tests/benchmarks/test_api.py",
    "tests/dags/",
    "tests/newsreel/embedded/",
    "tests/pipelines/",
    "tests/streaming/",
    "tests/newsreel/",
)
"""Files and folders by how long they take; what has no place here takes seconds."""


def unit_of(nodeid: str) -> str:
    """The file of a test, or the folder whose tests stay together."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in SHARED if file.startswith(folder)), file)


def rank(nodeid: str) -> int:
    """The place of a test's file in `LONGEST_FIRST`."""
    return next(
        (place for place, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST)
    )
