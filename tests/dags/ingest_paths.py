"""Runs of ingest_video: takes plans on stdin, runs the DAG once for each, prints the states.

Needs the environment of conftest.py. All in one process: Airflow's imports take longer than the runs.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag

folder = Path(os.environ["STAND_INS"])
dag = DagBag(dag_folder=Path(conf.get("core", "dags_folder")) / "ingest_video.py").dags["ingest_video"]
results = {}
for name, plan in json.load(sys.stdin).items():
    for task in dag.tasks:
        task.retries = 1 if name == "killed" else 0
        task.retry_delay = timedelta(milliseconds=100)
    dag.task_dict["encode"].execution_timeout = timedelta(seconds=3 if name == "slow" else 3600)
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "calls.jsonl").write_text("")
    at = datetime.now(UTC)
    run = dag.test(run_after=at, logical_date=at, run_conf={"video_id": "a-video"})
    tasks = {task.task_id: [task.state, task.try_number] for task in run.get_task_instances()}
    calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    xcom = run.get_task_instance("inspect").xcom_pull(task_ids="inspect")
    results[name] = {"run": run.state, "run_id": run.run_id, "tasks": tasks, "calls": calls, "xcom": xcom}
Path(sys.argv[1]).write_text(json.dumps(results))
