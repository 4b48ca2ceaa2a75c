"""Spark operator: runs the job's own driver, in client mode on the master that NEWSREEL_SPARK_MASTER names."""

from __future__ import annotations

from dags.operators.program import ProgramOperator


class SparkOperator(ProgramOperator):
    """Runs `python -m module`, which starts a JVM if it needs one (jobs/spark/session.py).

    A class of its own so that Airflow's pages show the engine of a task. Why no spark-submit:
    docs/adr/0007-small-refresh-and-driver.md.
    """

    ui_color = "#f7d9b8"
