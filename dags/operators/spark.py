"""A Spark job as a task: the provider's spark-submit command line, with a child that dies with the task."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BranchMixIn
from airflow.sdk.exceptions import AirflowException

from dags.operators.stage import StageMixIn
from schemas.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class SparkOperator(StageMixIn, SparkSubmitOperator, BranchMixIn):
    """Submits a module of ours to the master of the connection `spark_default`, the driver being a child of the task.

    Jars and settings come from NEWSREEL_HOME/spark/spark-defaults.conf, which the embedded stack writes.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, module: str, **arguments: Any) -> None:
        super().__init__(
            name=f"newsreel {module}",
            spark_binary=str(Path(sys.executable).with_name("spark-submit")),
            deploy_mode="client",
            **arguments,
        )
        self.module = module

    def execute(self, context: Context) -> None:
        """Run the job; see `StageMixIn.run_stage`."""
        self.application = program_file(self.module)
        defaults = settings().home / "spark" / "spark-defaults.conf"
        if defaults.exists():
            self.properties_file = str(defaults)
        command = self._get_hook()._build_spark_submit_command(self.application)
        # Executors must run the very Python that has our wheel, not the first `python3` on somebody's PATH.
        python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
        self.run_stage(context, command, environment=python)


def program_file(module: str) -> str:
    """The file of a module, which is not imported. Raises AirflowException if there is none."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise AirflowException(f"there is no module {module}: is the project's wheel installed?")
    return found.origin
