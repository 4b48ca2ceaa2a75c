"""`python -m newsreel.embedded.dag_test_child`: one `dag.test()`; logs to stdout, writes states to the database.

Tests: tests/newsreel/embedded/test_dag_test.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the DAG; exit 1 where its file cannot be read. Whether the run succeeded is in the database."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.embedded.dag_test_child", description=__doc__)
    parser.add_argument("dag_id")
    parser.add_argument("--at", type=datetime.fromisoformat, required=True)
    parser.add_argument("--params", type=json.loads, default={})
    arguments = parser.parse_args(argv)

    # Imported after the arguments are checked: it takes seconds.
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag

    file = Path(conf.get("core", "dags_folder")) / f"{arguments.dag_id}.py"
    bag = DagBag(dag_folder=file)
    if arguments.dag_id not in bag.dags:
        reasons = bag.import_errors.values() or [f"there is no {file}"]
        print("\n".join(reasons), file=sys.stderr)
        return 1
    # `run_after` is in the id of the run, `logical_date` makes it unique.
    bag.dags[arguments.dag_id].test(
        run_after=arguments.at, logical_date=arguments.at, run_conf=arguments.params
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
