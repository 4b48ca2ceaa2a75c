"""Spark sessions of this project: Delta on, quiet, small where it is local, the same under spark-submit.

`python -m jobs.session FILE` writes the properties for `spark-submit --properties-file FILE`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.gateway import jvm_runs, started_jvm, under_spark_submit
from jobs.jars import jar_paths
from schemas.errors import DependencyError, NewsreelError
from schemas.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
LOCAL_PARTITIONS = "2"
LOCAL_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A local driver lives for seconds: the optimizing compiler and parallel collectors cost more than they bring."""

_starting = threading.Lock()


def spark_conf() -> dict[str, str]:
    """Spark's properties for this project's master. Raises DependencyError where the jars were not resolved yet."""
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
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if not master.startswith("local"):
        return {**conf, "spark.jars": ",".join(jars), "spark.driver.extraJavaOptions": java_options}
    return {
        **conf,
        # On the class path instead of `spark.jars`: nothing is copied and loaded a second time for the one executor.
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.driver.extraJavaOptions": f"{java_options} {LOCAL_JVM}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": LOCAL_PARTITIONS,
        "spark.databricks.delta.snapshotPartitions": LOCAL_PARTITIONS,
    }


def spark_session(name: str) -> SparkSession:
    """The session of this process, made on first use; `name` is what Spark's pages call it.

    In-process it starts a JVM that dies with us; under spark-submit that one's properties stand. Raises
    DependencyError where Java or the jars are missing, or spark-submit was not given our properties.
    """
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    # Executors must run the Python that has our wheel, not the first `python3` on somebody's PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    # Another thread's session is not active in this one, but its JVM is the one to use.
    with _starting:
        if under_spark_submit() or jvm_runs():
            session: SparkSession = builder.getOrCreate()
        else:
            conf = spark_conf()
            with started_jvm(conf):
                session = builder.config(map={**conf}).getOrCreate()
    if EXTENSION not in (session.conf.get("spark.sql.extensions", None) or ""):
        session.stop()
        raise DependencyError(
            "spark-submit runs without Delta: write the properties with `python -m jobs.session FILE` "
            "and pass `--properties-file FILE`"
        )
    return session


def write_properties(path: Path) -> None:
    """Write `spark_conf()` as a properties file for spark-submit, complete or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text("".join(f"{key} {value}\n" for key, value in spark_conf().items()), encoding="utf-8")
    part.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the properties file; exit 2 without its name, 3 where a dependency is missing."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m jobs.session FILE", file=sys.stderr)
        return 2
    try:
        write_properties(Path(arguments[0]))
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
