"""Spark sessions with Delta Lake, UTC and quiet logging; local masters get small settings."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.spark.gateway import is_jvm_running, started_jvm
from jobs.spark.jars import jar_paths
from schemas.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
LOCAL_PARTITIONS = "2"
LOCAL_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A local driver lives for seconds: the optimizing compiler and parallel collectors cost more than they save."""

_starting = threading.Lock()


def spark_conf() -> dict[str, str]:
    """Spark properties for the configured master. Raises DependencyError if the jars have not been resolved yet."""
    master = settings().spark_master
    jars = [str(path) for path in jar_paths()]
    java_options = f"-Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()} -Duser.timezone=UTC"
    conf = {
        "spark.master": master,
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": (settings().home / "spark-warehouse").as_uri(),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Not the legacy INT96, which other readers take as nanoseconds: the year 1 would come back as 1754.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # Sketches depend on the row order of jobs/engagement/active_users.py: groups must not be sorted again.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if not master.startswith("local"):
        remote = {"spark.jars": ",".join(jars), "spark.driver.extraJavaOptions": java_options}
        return {**conf, **remote, **settings().spark_properties}
    return {
        **conf,
        # On the class path instead of `spark.jars`, which copies and loads them again for the one executor.
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.driver.extraJavaOptions": f"{java_options} {LOCAL_JVM}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": LOCAL_PARTITIONS,
        "spark.databricks.delta.snapshotPartitions": LOCAL_PARTITIONS,
        **settings().spark_properties,
    }


def spark_session(name: str) -> SparkSession:
    """The session of this process, created on first use; `name` is its application name in Spark's UI.

    This process is the driver, in client mode for any master; its JVM dies with it. Raises DependencyError if Java or
    the jars are missing.
    """
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    # Executors must run the Python that has our wheel, not the first `python3` on their PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    # A session of another thread is not active in this one, but its JVM is shared.
    with _starting:
        if is_jvm_running():
            session: SparkSession = builder.getOrCreate()
        else:
            conf = spark_conf()
            with started_jvm(conf):
                session = builder.config(map={**conf}).getOrCreate()
    return session
