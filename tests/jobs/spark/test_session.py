"""Sessions support Delta and UTC, and all processes that they start die with theirs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from jobs.spark.session import spark_conf, spark_session
from schemas.settings import settings
from tests.processes import ChildProgram, is_gone, wait_until

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_delta_tables_are_read_and_written_in_utc(spark: SparkSession, tmp_path: Path):
    location = str(tmp_path / "table")
    spark.sql("SELECT timestamp '2026-01-01 00:00:00' AS at").write.format("delta").save(location)
    [row] = spark.read.format("delta").load(location).selectExpr("unix_timestamp(at) AS seconds").collect()
    assert row.seconds == 1767225600


def test_a_process_has_one_session(spark: SparkSession):
    assert spark_session("another name") is spark


def test_a_remote_master_gets_the_jars_sent_and_none_of_the_local_shortcuts(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NEWSREEL_SPARK_MASTER", "spark://somewhere:7077")
    settings.cache_clear()
    conf = spark_conf()
    assert "delta-spark" in conf["spark.jars"]
    assert not conf.keys() & {
        "spark.driver.host",
        "spark.driver.extraClassPath",
        "spark.sql.shuffle.partitions",
    }


TASK = "import os, sys; from dags.operators.child import Child; Child(sys.argv[1:], dict(os.environ), print).run()"
JOB = """
from jobs.spark.session import spark_session

def stuck(batches):
    time.sleep(600)
    yield from batches

spark_session("stuck").range(2).mapInArrow(stuck, "id long").count()
"""


@pytest.mark.slow
def test_driver_jvm_and_executors_die_with_a_task_that_is_killed(home: Path):
    with ChildProgram(
        [sys.executable, "-c", TASK, sys.executable, "-c", JOB],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"NEWSREEL_HOME": str(home)},
    ) as task:
        below = psutil.Process(task.pid)

        def has_worker() -> bool:
            """Whether an executor runs a Python worker: a child of pyspark's daemon."""
            daemons = [process for process in below.children(recursive=True) if is_worker(process)]
            return any(is_worker(child) for process in daemons for child in process.children())

        assert wait_until(has_worker, within_s=600)
        started = below.children(recursive=True)
        assert any("java" in process.name() for process in started)
        task.kill()
        assert wait_until(lambda: all(is_gone(process.pid) for process in started))
        said = task.communicate()[0]
    assert said == ""  # nor did it chatter


def is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):  # it may end while we look
        return "pyspark.daemon" in process.cmdline()
    return False
