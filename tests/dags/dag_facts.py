"""DAG facts: run in a fresh interpreter with DAG files, prints a line of JSON for each that the policy test checks.

Each file is read in a fork of its own, in which nothing but Airflow is imported: that takes longer than the file.
"""

import importlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import airflow.sdk  # its own seconds are not the file's

HEAVY = ("apache_beam", "pyspark", "great_expectations", "pandas", "numpy", "deltalake", "pyarrow", "ffmpeg")


def read_cpu_s() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def read_facts(file: str) -> dict[str, Any]:
    before_s = read_cpu_s()
    module = importlib.import_module(f"dags.{Path(file).stem}")
    import_s = read_cpu_s() - before_s
    dags = [value for value in vars(module).values() if isinstance(value, airflow.sdk.DAG)]
    if not dags:
        from airflow.dag_processing.dagbag import DagBag

        dags = list(DagBag(dag_folder=file).dags.values())
    return {
        "import_s": import_s,
        "heavy": [name for name in HEAVY if name in sys.modules],
        "dags": [
            {
                "dag_id": dag.dag_id,
                "doc": dag.doc_md,
                "module_doc": module.__doc__,
                "tags": sorted(dag.tags),
                "max_active_runs": dag.max_active_runs,
                "catchup": dag.catchup,
                "tasks": [
                    {
                        "task_id": task.task_id,
                        "owner": task.owner,
                        "retries": task.retries,
                        "retry_delay_s": task.retry_delay.total_seconds(),
                        "timeout_s": task.execution_timeout and task.execution_timeout.total_seconds(),
                    }
                    for task in dag.tasks
                ],
            }
            for dag in dags
        ],
    }


for file in sys.argv[1:]:
    child = os.fork()
    if not child:
        print(json.dumps(read_facts(file)), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{file} cannot be read, see above")
