"""Program operator: a stage without an engine, a module of this project run by the same Python.

Tests: tests/dags/test_day_of.py, tests/dags/test_ingest_video.py.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator, BranchMixIn, Param

from dags.operators.stage import StageMixIn

if TYPE_CHECKING:
    from airflow.sdk import Context

ByDay = Literal["always", "scheduled"]
BY_SCHEDULE = ("scheduled", "backfill")
"""Types of runs that cover an interval of time."""


class ProgramOperator(StageMixIn, BaseOperator, BranchMixIn):
    """Runs `python -m module`; with `ends_run` the task fails when the program has done its work.

    With `by_day` the program gets `--day`: always, or only in runs that a schedule, a backfill or a param made for a
    day (see `day_of`).
    """

    inherits_from_skipmixin = True

    def __init__(
        self, *, module: str, ends_run: bool = False, by_day: ByDay | None = None, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.module = module
        self.ends_run = ends_run
        self.by_day = by_day

    def execute(self, context: Context) -> None:
        """Run the program; see `StageMixIn.run_stage`."""
        day = day_of(context, self.by_day) if self.by_day else None
        options = ["--day", day] if day else []
        self.run_stage(context, [sys.executable, "-m", self.module], options, ends_run=self.ends_run)


def day_param(description: str) -> Param:
    """The param `day` of a DAG whose runs are each for a day; for its default see `day_of`."""
    return Param(
        default=None, type=["null", "string"], pattern=r"^\d{4}-\d{2}-\d{2}$", description=description
    )


def day_of(context: Context, by_day: ByDay) -> str | None:
    """The day that a run is for, as 2026-11-23: its param `day`, or the day in which its interval begins.

    `scheduled`: None for a run that an asset or a user triggered without a day.
    """
    if given := context["params"].get("day"):
        return str(given)
    # Compared as enumeration members: their str() has the class name in front.
    if by_day == "scheduled" and context["dag_run"].run_type not in BY_SCHEDULE:
        return None
    start = context.get("data_interval_start")
    return f"{start:%Y-%m-%d}" if start else None
