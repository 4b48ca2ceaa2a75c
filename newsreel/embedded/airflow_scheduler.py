"""`python -m newsreel.embedded.airflow_scheduler`: Airflow's scheduler with the modules of every task preloaded.

Its executor forks the workers, and they fork the tasks: each would import the same modules again, for some seconds.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import importlib
import runpy
import sys

TASK_MODULES = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "dags.operators.beam",
    "dags.operators.program",
    "dags.operators.spark",
)


def main() -> None:
    """Run `airflow scheduler`, without its log server, which would listen on every address."""
    for module in TASK_MODULES:
        importlib.import_module(module)
    sys.argv = ["airflow", "scheduler", "--skip-serve-logs"]
    runpy.run_module("airflow", run_name="__main__")


if __name__ == "__main__":
    main()
