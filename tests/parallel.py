"""Distribution of tests over processes (pytest-xdist), for `make test`: what shares a server stays together.

A file is one unit, and so is a folder that shares a JVM. Units are handed out longest first (tests/units.py), so that
no process begins a long one when the others have nothing left to do. A process gets its next unit when one test is left
of its own (it has to know the next test before it runs one); while a journey runs, that is a short unit.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.units import rank, unit_of

JOURNEYS = "tests/e2e/"


class UnitScheduling(LoadScopeScheduling):
    """Hands out units in the order of collection, which tests/conftest.py sorts by `rank`."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # xdist's own order goes by the number of tests

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
