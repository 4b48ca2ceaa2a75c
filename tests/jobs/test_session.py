"""Sessions know Delta and UTC, and die with their process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from jobs.session import spark_conf, spark_session
from schemas.settings import settings

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


def test_the_jvm_dies_at_once_with_a_process_that_is_killed(home: Path):
    program = "import os; from jobs.session import spark_session; spark_session('x'); print(flush=True); os.read(0, 1)"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"NEWSREEL_HOME": str(home)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        [jvm] = [
            child for child in psutil.Process(process.pid).children(recursive=True) if "java" in child.name()
        ]
        process.kill()
        said = process.communicate()[1]
    deadline = time.monotonic() + 2
    while jvm.is_running() and jvm.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not jvm.is_running() or jvm.status() == psutil.STATUS_ZOMBIE
    assert said == b""  # nor did it chatter
