"""Spark standalone cluster on this machine for the duration of a command: `python -m jobs.spark.cluster -- COMMAND`.

A master and workers from PySpark's own package, on loopback and free ports, each a JVM of its own; their Python runs
the project's wheel. It tests "the engine by URL" without a second machine (docs/cluster.md).
Tests: tests/e2e/on_a_cluster.py.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jobs.spark.java import java_home
from jobs.spark.session import LOCAL_JVM
from schemas.errors import DependencyError, NewsreelError

LOOPBACK = "127.0.0.1"
MASTER_CLASS = "org.apache.spark.deploy.master.Master"
WORKER_CLASS = "org.apache.spark.deploy.worker.Worker"
MASTER_READY = re.compile(r"Starting Spark master at (spark://\S+)")
WORKER_READY = re.compile(r"Successfully registered with master")
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 15
POLL_S = 0.1
SMALL_OPTIONS = {
    "spark.executor.memory": "1g",
    "spark.executor.cores": "1",
    "spark.executor.extraJavaOptions": LOCAL_JVM,
    "spark.sql.shuffle.partitions": "4",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""For short-lived JVMs and small tables, which are slow with Spark's defaults."""


@contextmanager
def running_cluster(workers: int, wheel: Path) -> Iterator[dict[str, str]]:
    """A cluster of `workers` workers, one core each; yields the environment in which a driver uses it.

    Executors import the project only from `wheel`. Raises DependencyError if Java is missing or a JVM does not start;
    the message contains the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="newsreel-cluster-") as temporary, ExitStack() as running:
        folder = Path(temporary)
        # A wheel is a zip file (PEP 427), but PySpark adds only files named .zip to the executors' path.
        archive = folder / "newsreel.zip"
        shutil.copyfile(wheel, archive)
        master = _start_daemon(running, folder, "master", [MASTER_CLASS, "--port", "0"])
        url = _wait_for_line(master, folder / "master.log", MASTER_READY)[1]
        processes = [
            _start_daemon(running, folder, name, [WORKER_CLASS, "--cores", "1", "--memory", "1g", url])
            for name in _worker_names(workers)
        ]
        for process, name in zip(processes, _worker_names(workers), strict=True):
            _wait_for_line(process, folder / f"{name}.log", WORKER_READY)
        options = {**SMALL_OPTIONS, "spark.submit.pyFiles": str(archive)}
        yield {
            "NEWSREEL_SPARK_MASTER": url,
            "NEWSREEL_SPARK_OPTIONS": shlex.join(f"{name}={value}" for name, value in options.items()),
            "SPARK_LOCAL_IP": LOOPBACK,
        }


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the checkout that contains this module into `folder` with uv. Raises DependencyError."""
    project = Path(__file__).parents[2]
    uv = shutil.which(
        "uv", path=os.pathsep.join([str(project / ".tools/uv/bin"), os.environ.get("PATH", "")])
    )
    if not uv or not (project / "pyproject.toml").exists():
        raise DependencyError("no wheel: give --wheel FILE, or run this in a checkout after `make setup`")
    done = subprocess.run(
        [uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(project)],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise DependencyError(f"`uv build --wheel` failed: {done.stdout.strip()[-500:]}")
    return wheels[-1]


def _worker_names(workers: int) -> list[str]:
    return [f"worker-{number}" for number in range(1, workers + 1)]


def _start_daemon(
    running: ExitStack, folder: Path, name: str, arguments: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start a daemon in a folder of its own; stopped with `running`, or killed by the kernel with this process."""
    import pyspark

    spark_home = Path(pyspark.__file__).parent
    work = folder / name
    work.mkdir()
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--", str(spark_home / "bin" / "spark-class")),
                *(*arguments[:1], "--host", LOOPBACK, "--webui-port", "0", *arguments[1:]),
            ],
            cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, process_group=0,
            env=_build_environment(spark_home, work),
        )  # fmt: skip
    running.callback(_stop, process)
    return process


def _build_environment(spark_home: Path, work: Path) -> dict[str, str]:
    # Executors inherit it: no settings of this process, and above all nothing of the checkout.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NEWSREEL_", "PYTHON", "SPARK_", "PYSPARK_"))
    }
    chosen = {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_WORKER_DIR": str(work),
        "SPARK_LOCAL_DIRS": str(work),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": LOCAL_JVM,
        "PYTHONSAFEPATH": "1",
    }
    return {**kept, **chosen}


def _wait_for_line(process: subprocess.Popen[bytes], log: Path, pattern: re.Pattern[str]) -> re.Match[str]:
    """The first match in a daemon's log. Raises DependencyError if it ends first or START_TIMEOUT_S passes."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        match = pattern.search(log.read_text(errors="replace"))
        if match:
            return match
        time.sleep(POLL_S)
    tail = " ".join(log.read_text(errors="replace").split())[-500:]
    raise DependencyError(f"Spark's {log.stem} did not start: {tail or 'its log is empty'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()  # a worker stops its executors as well
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command and return its exit status as a shell does; an interrupt (SIGINT) is left to the command.

    The command is stopped if this function is left early.
    """
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *command], env={**os.environ, **environment}
    )
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
        _stop(process)
    return 128 - status if status < 0 else status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command on a cluster of its own; returns its exit status, or 3 if a dependency is missing."""
    parser = argparse.ArgumentParser(prog="python -m jobs.spark.cluster", description=__doc__)
    parser.add_argument(
        "--workers", type=int, default=2, help="number of workers, one core each (default: 2)"
    )
    parser.add_argument("--wheel", type=Path, help="the project's wheel (default: built from the checkout)")
    parser.add_argument("command", nargs="+", help="command to run, after --")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the cluster is stopped
    try:
        with tempfile.TemporaryDirectory(prefix="newsreel-wheel-") as folder:
            wheel = arguments.wheel or build_wheel(Path(folder))
            with running_cluster(arguments.workers, wheel) as environment:
                print(
                    f"Spark {environment['NEWSREEL_SPARK_MASTER']}, {arguments.workers} workers",
                    file=sys.stderr,
                )
                return _run(arguments.command, environment)
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
