"""A stage that needs no engine: a module of ours, run by this Python."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BranchMixIn

from dags.operators.stage import StageMixIn

if TYPE_CHECKING:
    from airflow.sdk import Context


class ProgramOperator(StageMixIn, BaseOperator, BranchMixIn):
    """Runs `python -m module`; with `ends_run` the task fails once the program has done its work."""

    inherits_from_skipmixin = True

    def __init__(self, *, module: str, ends_run: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.module = module
        self.ends_run = ends_run

    def execute(self, context: Context) -> None:
        """Run the program; see `StageMixIn.run_stage`."""
        self.run_stage(context, [sys.executable, "-m", self.module], ends_run=self.ends_run)
