"""JVM of an in-process Spark driver, which dies with its Python process and logs nothing but errors.

pyspark starts it through `spark-submit` and offers no way to couple the two lifetimes, so this module replaces the part
of `pyspark.java_gateway.launch_gateway` that starts the process; pyspark then connects to it (PYSPARK_GATEWAY_PORT, as
under spark-submit). Otherwise the JVM of a killed task could still commit.
Tests: tests/jobs/spark/test_session.py.
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
"""Lines that the JVM prints on every start, since Spark's launcher requests that module."""

_started: list[subprocess.Popen[str]] = []


def is_jvm_running() -> bool:
    """Whether this process has started a JVM that still runs."""
    return any(process.poll() is None for process in _started)


@contextmanager
def started_jvm(conf: Mapping[str, str]) -> Iterator[None]:
    """Start the driver's JVM with these properties; a session created in the block uses it until this process ends.

    Raises DependencyError if Java is missing or the JVM does not start.
    """
    process, port, secret = _start(conf)
    _started.append(process)
    atexit.register(_stop, process)
    os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"] = str(port), secret
    try:
        yield
    finally:
        # Child processes must not inherit them.
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]


def _start(conf: Mapping[str, str]) -> tuple[subprocess.Popen[str], int, str]:
    import pyspark

    os.environ["JAVA_HOME"] = str(java_home())
    spark_home = Path(os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent)))
    with tempfile.TemporaryDirectory(prefix="newsreel-spark-") as folder:
        connection_file = Path(folder) / "connection"
        process = subprocess.Popen(
            [
                *_death_signal_prefix(),
                str(spark_home / "bin" / "spark-submit"),
                *(word for name, value in conf.items() for word in ("--conf", f"{name}={value}")),
                "pyspark-shell",
            ],
            env={
                **os.environ,
                "SPARK_CONNECT_MODE": "0",
                "_PYSPARK_DRIVER_CONN_INFO_PATH": str(connection_file),
            },
            stdin=subprocess.PIPE,  # the JVM ends when this closes
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C reaches only this process
        )
        assert process.stderr is not None  # it is a pipe
        last_lines: list[str] = []
        threading.Thread(
            target=_forward_stderr, args=(process.stderr, last_lines), name="spark-stderr", daemon=True
        ).start()
        port, secret = _wait_for_connection(process, connection_file, last_lines)
    return process, port, secret


def _death_signal_prefix() -> list[str]:
    # PR_SET_PDEATHSIG fires when the parent thread ends, and any thread but the main one may end before the work does.
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        return [setpriv, "--pdeathsig", "KILL", "--"]
    return []


def _wait_for_connection(
    process: subprocess.Popen[str], file: Path, last_lines: list[str]
) -> tuple[int, str]:
    """Port and secret of the JVM's gateway, from the file that it writes."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not file.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            tail = " ".join(last_lines[-3:])
            raise DependencyError(f"Spark's JVM did not start: {tail or 'it printed nothing'}")
        time.sleep(POLL_S)
    content = file.read_bytes()  # complete: the JVM renames it into place
    (port,) = struct.unpack(">i", content[:4])
    (length,) = struct.unpack(">i", content[4:8])
    return port, content[8 : 8 + length].decode()


def _forward_stderr(lines: IO[str], last_lines: list[str]) -> None:
    for line in lines:
        if line.strip() and not line.startswith(NOISE):
            last_lines.append(line.strip())
            del last_lines[:-20]
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
