"""Temporary HOME of a bench, used through the command line as users do, and removed afterwards.

Tests: tests/benchmarks/test_ingest.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

from pipelines import media_tools
from schemas.errors import DependencyError, StageError
from stores.delta import Lake
from stores.media import MediaStore

CI_MARK = "NEWSREEL_CI_RUN"
START_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 180.0
_POLL_S = 0.1
_LOG_TAIL_CHARACTERS = 600


@dataclass(frozen=True)
class CommandResult:
    """Exit status, JSON answer and times of a command."""

    status: int
    answer: Any
    wall_s: float
    ended: float
    """Seconds since the epoch."""


class FreshHome:
    """Context manager: `with FreshHome() as house: house.start_stack(); house.run_command("ingest", ...)`."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """`settings`: NEWSREEL_* variables that differ from the embedded defaults."""
        self._settings = dict(settings or {})
        self.folder = Path(tempfile.mkdtemp(prefix="newsreel-bench-"))
        self.home = self.folder / "home"
        self.database_url: str | None = None
        self._stack: subprocess.Popen[bytes] | None = None
        self._commands: list[subprocess.Popen[str]] = []
        self.stack_state: dict[str, Any] = {}
        """Content of stack.json once the stack was healthy: URLs, process ids of its components."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop_stack()
        finally:
            self._kill_leftovers()
            outside = self.postgres_folder
            for folder in (self.folder, *([outside] if outside else [])):
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment without its NEWSREEL_* settings, except for the mark of a CI run."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("NEWSREEL_") or name == CI_MARK
        }
        own = {"NEWSREEL_HOME": str(self.home), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
        return {**kept, **self._settings, **own}

    @property
    def lake(self) -> Lake:
        """The lake of this HOME."""
        return Lake((self.home / "lake").as_uri())

    def list_lake_files(self, name: str) -> list[str]:
        """Paths of the files of the newest version of a table."""
        return [unquote(urlsplit(uri).path) for uri in self.lake.open(name).file_uris()]

    @property
    def media(self) -> MediaStore:
        """The media store of this HOME."""
        return MediaStore(self.home / "media")

    @property
    def postgres_folder(self) -> Path | None:
        """Folder of the embedded PostgreSQL, if known: the parent of its socket's folder."""
        if self.database_url is None:
            return None
        socket_folder = parse_qs(urlsplit(self.database_url).query).get("host", [""])[0]
        folder = Path(socket_folder).parent
        return folder if (folder / "data").is_dir() else None

    @property
    def airflow_database_url(self) -> str:
        """Airflow's metadata database in the same PostgreSQL. Raises DependencyError before one is known."""
        if self.database_url is None:
            raise DependencyError("no PostgreSQL has been started in this HOME")
        return urlsplit(self.database_url)._replace(path="/airflow").geturl()

    def find_postgres(self) -> psutil.Process | None:
        """The embedded PostgreSQL if it runs; without a stack it is found through the processes that use it."""
        if self.database_url is None:
            self.database_url = next(self._find_database_urls(), None)
        folder = self.postgres_folder
        try:
            return (
                psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
                if folder
                else None
            )
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    def _find_database_urls(self) -> Iterator[str]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                if (
                    environment.get("NEWSREEL_HOME") == str(self.home)
                    and "NEWSREEL_DATABASE_URL" in environment
                ):
                    yield environment["NEWSREEL_DATABASE_URL"]

    def _kill_leftovers(self) -> None:
        """SIGKILL what still runs, which is nothing unless the block raised; close the pipes of its commands."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("NEWSREEL_HOME") == str(self.home):
                    process.kill()
        if (server := self.find_postgres()) is not None:
            server.kill()
        for command in self._commands:
            command.communicate()

    def start_stack(self) -> float:
        """Start the stack and wait until it is healthy; returns the seconds that took. Raises DependencyError."""
        begun = time.monotonic()
        log = self.folder / "up.log"
        with log.open("wb") as errors:
            self._stack = subprocess.Popen(
                _build_command("up", "--port", "0"),
                stdin=subprocess.DEVNULL, stdout=errors, stderr=subprocess.STDOUT,
                cwd=self.folder, env=self.environment,
            )  # fmt: skip
        while (state := self._read_state()).get("phase") != "healthy" or state["pid"] != self._stack.pid:
            if self._stack.poll() is not None or time.monotonic() - begun > START_TIMEOUT_S:
                raise DependencyError(f"the stack did not start: {log.read_text()[-_LOG_TAIL_CHARACTERS:]}")
            time.sleep(_POLL_S)
        self.stack_state = state
        return time.monotonic() - begun

    def stop_stack(self) -> None:
        """Stop the stack if it was started."""
        if self._stack is not None:
            self.run_command("down", json_answer=False)
            try:
                self._stack.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._stack.kill()
                raise
            finally:
                self._stack = None

    def start_command(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command with `--json`; the caller waits for it."""
        command = subprocess.Popen(
            _build_command(*arguments, "--json"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.folder, env=self.environment,
        )  # fmt: skip
        self._commands.append(command)
        return command

    def run_command(self, *arguments: str | Path, json_answer: bool = True) -> CommandResult:
        """Run a command to its end, whatever its exit status. Raises StageError if it prints no answer."""
        begun = time.monotonic()
        output, errors = self.folder / "stdout", self.folder / "stderr"
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(
                _build_command(*arguments, *(["--json"] if json_answer else [])),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder, env=self.environment,
            )  # fmt: skip
        while process.poll() is None:
            self._read_state()
            time.sleep(_POLL_S)
        wall_s, ended = time.monotonic() - begun, time.time()
        printed = output.read_text()
        if json_answer and not printed.strip():
            tail = errors.read_text()[-_LOG_TAIL_CHARACTERS:]
            raise StageError(f"newsreel {arguments[0]} printed no answer: {tail}")
        return CommandResult(process.returncode, json.loads(printed) if json_answer else None, wall_s, ended)

    def _read_state(self) -> dict[str, Any]:
        """Content of stack.json, if any; also remembers the URL of its PostgreSQL for the clean-up."""
        try:
            state: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        self.database_url = state.get("database_url") or self.database_url
        return state


def _build_command(*arguments: str | Path) -> list[str]:
    """The `newsreel` command line, under setpriv: it receives SIGTERM when this process ends for any reason."""
    prefix = [media_tools.program("setpriv"), "--pdeathsig", "TERM", "--"]
    return [*prefix, sys.executable, "-m", "newsreel", *map(str, arguments)]
