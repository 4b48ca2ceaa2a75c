"""DAG facts: run in a fresh interpreter with a DAG file, prints as JSON what the policy test checks."""

import importlib
import json
import resource
import sys
from pathlib import Path

import airflow.sdk  # its own seconds are not the file's

before_s = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
module = importlib.import_module(f"dags.{Path(sys.argv[1]).stem}")
import_s = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before_s
dags = [value for value in vars(module).values() if isinstance(value, airflow.sdk.DAG)]
if not dags:
    from airflow.dag_processing.dagbag import DagBag

    dags = list(DagBag(dag_folder=sys.argv[1]).dags.values())
heavy = ("apache_beam", "pyspark", "great_expectations", "pandas", "numpy", "deltalake", "pyarrow", "ffmpeg")
print(
    json.dumps(
        {
            "import_s": import_s,
            "heavy": [name for name in heavy if name in sys.modules],
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
    )
)
