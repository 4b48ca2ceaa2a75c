"""A Spark standalone cluster on this machine, for the time of one command: `python -m jobs.spark.cluster -- COMMAND`.

A master and workers from PySpark's own package, on loopback and free ports, each a JVM of its own; the project's wheel
is what their Python runs. It is how "the engine by URL" is tried without a second machine (docs/cluster.md).
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
"""For JVMs that live for minutes, and small tables, which crawl at Spark's defaults."""


@contextmanager
def running_cluster(workers: int, wheel: Path) -> Iterator[dict[str, str]]:
    """A cluster of so many workers, one core each; gives the environment in which a driver uses it.

    Executors import the project from `wheel` alone. Raises DependencyError where Java is missing, or where a JVM does
    not come up; the message carries the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="newsreel-cluster-") as made, ExitStack() as running:
        folder = Path(made)
        # A wheel is a zip file (PEP 427), and PySpark puts only what is called one on the executors' path.
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
    """The wheel of the checkout that this module lies in, built into `folder` by uv. Raises DependencyError."""
    project = Path(__file__).parents[1]
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
    """One daemon in a folder of its own; ended with `running`, or by the kernel with this process."""
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
    # Nothing of ours, of the checkout least of all: executors inherit it.
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


def _wait_for_line(process: subprocess.Popen[bytes], log: Path, words: re.Pattern[str]) -> re.Match[str]:
    """The first line of a daemon's log that matches. Raises DependencyError where it ends or says nothing for long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = words.search(log.read_text(errors="replace"))
        if found:
            return found
        time.sleep(POLL_S)
    last = " ".join(log.read_text(errors="replace").split())[-500:]
    raise DependencyError(f"Spark's {log.stem} did not start: {last or 'it said nothing'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()  # a worker ends its executors on the way
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end, also over an interrupt, which is its own to handle; its exit status as a shell's.

    It is ended where this block is left before.
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
    """Run the command on a cluster of its own; exits as it does, 3 where a dependency is missing."""
    parser = argparse.ArgumentParser(prog="python -m jobs.spark.cluster", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="workers, one core each (2)")
    parser.add_argument(
        "--wheel", type=Path, help="the project's wheel; built from the checkout where not given"
    )
    parser.add_argument("command", nargs="+", help="what to run, after --")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left behind
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
