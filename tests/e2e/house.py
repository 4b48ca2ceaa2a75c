"""HOME of an end-to-end test: the command run in it, its stack, tables, files and processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import psutil

from benchmarks.kills import CHANGES_WITH_TIME
from newsreel.embedded.postgres import EmbeddedPostgres
from stores.delta import Lake
from tests.processes import kill_all, kill_tree

RECORDS_OF_RUNS = {"pipeline_runs", "quality_results"}
COMMAND_TIMEOUT_S = 1500


@dataclass(frozen=True)
class House:
    """One HOME, used through the command line."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """NEWSREEL_* variables besides NEWSREEL_HOME."""
    _started: list[subprocess.Popen[Any]] = field(default_factory=list)

    def override_settings(self, more: Mapping[str, str]) -> House:
        """Return the same HOME with more settings."""
        return replace(self, settings={**self.settings, **more})

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment, with the NEWSREEL_* variables of this HOME alone."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
        return {
            **kept,
            "NEWSREEL_HOME": str(self.home),
            "NEWSREEL_CI_RUN": os.environ.get("NEWSREEL_CI_RUN", ""),
            **self.settings,
        }

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the command."""
        command = [sys.executable, "-m", "newsreel", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=COMMAND_TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run the command with `--json`, assert its exit code, and return the document."""
        done = self.run(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def up(self) -> None:
        """Start the stack and wait until it is healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "up.log").open("ab") as log:
            command = [sys.executable, "-m", "newsreel", "up", "--port", "0"]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        self._started.append(process)

        def healthy() -> bool | None:
            assert process.poll() is None, f"`newsreel up` ended with {process.returncode}"
            return self._healthy()

        wait_for(healthy, "a healthy stack")

    def _healthy(self) -> bool | None:
        try:
            return json.loads((self.home / "stack.json").read_text())["phase"] == "healthy" or None
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def sql(self, query: str, *, personal: bool = False) -> list[dict[str, Any]]:
        """Run a query; `personal`: with personal columns allowed."""
        house = self.override_settings({"NEWSREEL_PERSONAL": "allowed"}) if personal else self
        rows: list[dict[str, Any]] = house.json("sql", query, *(["--personal"] if personal else []))
        return rows

    @property
    def lake(self) -> Lake:
        """The lake, read directly."""
        return Lake((self.home / "lake").as_uri())

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Read all rows of all tables but the records of runs."""
        from schemas.tables import TABLES

        return {name: self.lake.read(name).to_pylist() for name in TABLES if name not in RECORDS_OF_RUNS}

    def timeless_tables(self) -> dict[str, list[dict[str, Any]]]:
        """Read the same without columns that differ between two HOMEs: times and attempts."""
        return {
            name: sorted(
                (
                    {column: value for column, value in row.items() if column not in CHANGES_WITH_TIME}
                    for row in rows
                ),
                key=repr,
            )
            for name, rows in self.tables().items()
            if name != "events"
        }

    def media_files(self) -> set[str]:
        """List every file of the media store, staging folders included."""
        root = self.home / "media"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def processes(self) -> list[psutil.Process]:
        """List every live process of this HOME."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("NEWSREEL_HOME") == str(self.home)
                if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def process_of(self, *words: str) -> psutil.Process:
        """Wait for a process whose command line contains these words."""
        return wait_for(lambda: next(iter(self._find_processes(words)), None), f"a process with {words}")

    def close(self) -> None:
        """SIGKILL what still runs, the embedded PostgreSQL included; close the pipes of the commands."""
        kill_all(self.processes())
        with suppress(FileNotFoundError, ValueError):
            pid_file = EmbeddedPostgres(self.home).data_folder / "postmaster.pid"
            kill_tree(int(pid_file.read_text().split()[0]))
        for process in self._started:
            process.communicate()

    def _find_processes(self, words: tuple[str, ...]) -> Iterator[psutil.Process]:
        for process in self.processes():
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if all(any(word in part for part in line) for word in words) and "setpriv" not in line[0]:
                yield process


T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, timeout_s: float = 600) -> T:
    """Poll until the result is not None. Raises AssertionError on timeout."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {timeout_s} s")


@contextmanager
def make_house(folder: Path) -> Iterator[House]:
    """Yield a new HOME; afterwards assert that no process of it runs, and delete it.

    What runs after a failure is killed: the next test is not to pay for it.
    """
    house = House(folder / "home")
    try:
        yield house
        house.run("down")
    finally:
        left = house.processes()
        house.close()
        shutil.rmtree(EmbeddedPostgres(house.home).folder, ignore_errors=True)
    assert left == [], [process.cmdline() for process in left]
