"""The JVM of an in-process Spark driver: it dies with its Python process, and says nothing but errors.

pyspark starts it through `spark-submit` and offers no way to couple the two, so the few lines of
`pyspark.java_gateway.launch_gateway` that start the process are done here; pyspark then connects to what runs
(PYSPARK_GATEWAY_PORT, as under spark-submit). Without that a killed task's JVM may still commit.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jobs.spark.java import java_home
from schemas.errors import DependencyError

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 10
POLL_S = 0.02
NOISE = ("WARNING: Using incubator modules: jdk.incubator.vector",)
"""What the JVM itself prints on every start: Spark's launcher asks for that module."""

_started: list[subprocess.Popen[str]] = []


def is_jvm_running() -> bool:
    """Whether this process has started a JVM that still runs."""
    return any(process.poll() is None for process in _started)


@contextmanager
def started_jvm(conf: Mapping[str, str]) -> Iterator[None]:
    """Start the driver's JVM with these properties; a session made in the block uses it, until this process ends.

    Raises DependencyError where Java is missing or the JVM does not come up.
    """
    process, port, secret = _start(conf)
    _started.append(process)
    atexit.register(_stop, process)
    os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"] = str(port), secret
    try:
        yield
    finally:
        # Our own children would take them for theirs.
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]


def _start(conf: Mapping[str, str]) -> tuple[subprocess.Popen[str], int, str]:
    import pyspark

    os.environ["JAVA_HOME"] = str(java_home())
    spark_home = Path(os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent)))
    with tempfile.TemporaryDirectory(prefix="newsreel-spark-") as folder:
        answer = Path(folder) / "connection"
        process = subprocess.Popen(
            [
                *_death_signal_prefix(),
                str(spark_home / "bin" / "spark-submit"),
                *(word for name, value in conf.items() for word in ("--conf", f"{name}={value}")),
                "pyspark-shell",
            ],
            env={**os.environ, "SPARK_CONNECT_MODE": "0", "_PYSPARK_DRIVER_CONN_INFO_PATH": str(answer)},
            stdin=subprocess.PIPE,  # the JVM ends when this closes
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # an interrupt is ours to handle
        )
        assert process.stderr is not None  # it is a pipe
        said: list[str] = []
        threading.Thread(
            target=_forward_stderr, args=(process.stderr, said), name="spark-stderr", daemon=True
        ).start()
        port, secret = _wait_for_connection(process, answer, said)
    return process, port, secret


def _death_signal_prefix() -> list[str]:
    # The kernel watches the thread that starts a process: any other than the main one may end before the work does.
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        return [setpriv, "--pdeathsig", "KILL", "--"]
    return []


def _wait_for_connection(process: subprocess.Popen[str], answer: Path, said: list[str]) -> tuple[int, str]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answer.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise DependencyError(f"Spark's JVM did not start: {' '.join(said[-3:]) or 'it said nothing'}")
        time.sleep(POLL_S)
    content = answer.read_bytes()  # the JVM renames it into place, complete
    (port,) = struct.unpack(">i", content[:4])
    (length,) = struct.unpack(">i", content[4:8])
    return port, content[8 : 8 + length].decode()


def _forward_stderr(lines: IO[str], said: list[str]) -> None:
    for line in lines:
        if line.strip() and not line.startswith(NOISE):
            said.append(line.strip())
            del said[:-20]
            sys.stderr.write(line)


def _stop(process: subprocess.Popen[str]) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
    assert process.stdin is not None  # it is a pipe
    process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
