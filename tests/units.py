"""Units of tests that stay in one process, and the order in which they start when several processes run them."""

from __future__ import annotations

SHARED = ("tests/e2e/", "tests/jobs/", "tests/dags/")
"""Folders whose tests stay together: journeys, because two stacks at a time take the cores from each other and run into
their time limits; jobs and DAGs, because they share what takes long to start, a Spark session and an Airflow."""

LONGEST_FIRST = (
    "tests/e2e/",
    "tests/jobs/",
    "tests/newsreel/embedded/test_stack.py",
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
