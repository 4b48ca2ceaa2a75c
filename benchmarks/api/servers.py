"""Servers under measurement: PostgreSQL, Redis and the API of a fresh HOME, and a bare endpoint to compare with.

Tests: tests/benchmarks/test_api.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import psycopg
from psycopg.rows import dict_row

from benchmarks.fresh_home import FreshHome
from schemas.errors import DependencyError

END_S = 20.0


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers."""

    api_url: str
    database_url: str
    pid: int
    """Process id of the API's parent."""

    @property
    def port(self) -> int:
        """Port of the API."""
        return int(self.api_url.rpartition(":")[2])

    def connect(self) -> psycopg.Connection[dict[str, object]]:
        """Open a connection to PostgreSQL, for facts that no request returns."""
        return psycopg.connect(self.database_url, row_factory=dict_row, autocommit=True)

    def find_api(self) -> psutil.Process:
        """Find the current process of the API. Raises DependencyError while there is none."""
        for child in psutil.Process(self.pid).children(recursive=True):
            try:
                if "streaming.api" in child.cmdline() and "-m" in child.cmdline()[:3]:
                    return child
            except psutil.Error:
                continue
        raise DependencyError("the API is not running")


def find_stack_servers(house: FreshHome) -> Servers:
    """Find the servers of a HOME whose stack is up."""
    state = house.stack_state
    return Servers(state["api_url"], state["database_url"], state["pid"])


@contextmanager
def servers(house: FreshHome, *, limits: str = "off") -> Iterator[Servers]:
    """Serve a HOME while the block runs. Raises DependencyError with the end of the log."""
    command = [sys.executable, "-m", "newsreel.embedded.live_servers"]
    environment = {**house.environment, "NEWSREEL_LIMITS": limits}
    log = house.folder / "live.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=output, text=True, env=environment
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise DependencyError(f"the servers did not start: {log.read_text()[-600:]}")
            urls = json.loads(line)
            house.database_url = urls["database_url"]
            yield Servers(urls["api_url"], urls["database_url"], process.pid)
        finally:
            process.terminate()
            process.wait(END_S)


@contextmanager
def bare(house: FreshHome) -> Iterator[int]:
    """Serve the bare endpoint while the block runs; yields its port."""
    command = [sys.executable, "-m", "benchmarks.api.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=house.environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(END_S)
