"""Distribution of tests over processes (pytest-xdist), for `make test`: what shares a server stays together.

A file is one unit, and so is a folder that shares a JVM. Units are handed out in the order of `LONGEST_FIRST`, so that
no process begins a long one when the others have nothing left to do. A process gets its next unit when one test is left
of its own (it has to know the next test before it runs one); while a journey runs, that is a short unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SHARED_JVM = ("tests/jobs/",)
"""Folders whose tests share what takes long to start: one Spark session."""

JOURNEYS = "tests/e2e/"

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
    return next((folder for folder in SHARED_JVM if file.startswith(folder)), file)


def rank(nodeid: str) -> int:
    """The place of a test's file in `LONGEST_FIRST`."""
    return next(
        (place for place, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST)
    )


class UnitScheduling(LoadScopeScheduling):
    """Hands out units in the order of collection, which tests/conftest.py sorts by `rank`."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        left = self._tests_left(node)
        if self.workqueue and len(left) > 1:
            return
        if self.workqueue and any(nodeid.startswith(JOURNEYS) for nodeid in left):
            self.workqueue.move_to_end(self._shortest(), last=False)
        super()._reschedule(node)

    def _tests_left(self, node: WorkerController) -> Sequence[str]:
        units = self.assigned_work[node].values()
        return [nodeid for unit in units for nodeid, completed in unit.items() if not completed]

    def _shortest(self) -> str:
        return max(self.workqueue, key=rank)
