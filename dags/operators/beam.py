"""Beam operator: the provider's operator, with a child process that dies with the task."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.beam.hooks.beam import beam_options_to_args
from airflow.providers.apache.beam.operators.beam import BeamDataflowMixin, BeamRunPythonPipelineOperator
from airflow.sdk import BranchMixIn

from dags.operators.stage import StageMixIn
from schemas.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class WithoutDataflow(BeamDataflowMixin):
    """Allows the provider's operator without the Google provider.

    Provider 6.3.1 means to require it on Dataflow only, but `BaseOperator.__init__` calls the mix-in's `__init__`.
    """

    def __init__(self) -> None:
        pass


class BeamOperator(StageMixIn, BeamRunPythonPipelineOperator, WithoutDataflow, BranchMixIn):
    """Runs `python -m module` on the runner that NEWSREEL_BEAM_RUNNER and NEWSREEL_BEAM_OPTIONS name."""

    inherits_from_skipmixin = True

    def __init__(self, *, module: str, **arguments: Any) -> None:
        super().__init__(py_file=module, py_options=["-m"], py_interpreter=sys.executable, **arguments)
        self.module = module

    def execute(self, context: Context) -> None:
        """Run the pipeline; see `StageMixIn.run_stage`."""
        engine = [
            f"--runner={settings().beam_runner}",
            *settings().beam_arguments,
            *beam_options_to_args({**self.default_pipeline_options, **self.pipeline_options}),
        ]
        self.run_stage(context, [self.py_interpreter, *self.py_options, self.py_file], engine)
