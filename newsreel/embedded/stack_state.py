"""State of a running stack, HOME/stack.json, and the lock that lets one stack at a time run DAGs on a HOME.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from schemas.errors import ConflictError
from stores.files import acquire_file_lock, write_atomically

AIRFLOW_API_SERVER = "airflow-api-server"
"""Component that every stack with an Airflow of its own has."""
Phase = Literal["starting", "healthy", "stopping"]


@dataclass(frozen=True)
class StackState:
    """A stack as other processes see it. Must not hold a secret."""

    stack_id: str
    pid: int
    started: float
    """Start of the process, seconds since the epoch: with the id it identifies one process for good."""
    phase: Phase
    api_url: str
    airflow_url: str
    database_url: str
    redis_url: str
    components: dict[str, int]
    """Process ids by name."""
    urls: dict[str, str] = field(default_factory=dict)
    """URLs by name, of the components that have one."""

    @property
    def alive(self) -> bool:
        """Whether the stack's process still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def embeds_airflow(self) -> bool:
        """Whether the stack runs an Airflow of its own; else it uses the one of NEWSREEL_AIRFLOW_URL."""
        return AIRFLOW_API_SERVER in self.urls

    def write(self, home: Path) -> None:
        """Write stack.json, whole or not at all."""
        write_atomically(_file(home), json.dumps(asdict(self), indent=2) + "\n")


def read_state(home: Path) -> StackState | None:
    """Read the last state that was written, also by a stack that is gone; None where there is none."""
    try:
        return StackState(**json.loads(_file(home).read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def running_stack(home: Path) -> StackState | None:
    """The stack that runs on this HOME, or None; check its `phase` before you use it."""
    state = read_state(home.absolute())
    return state if state and state.alive else None


def remove_state(home: Path) -> None:
    """Remove stack.json: no stack runs, and none has left anything behind."""
    _file(home).unlink(missing_ok=True)


@contextmanager
def scheduling_lock(home: Path, *, alone: bool) -> Iterator[None]:
    """Hold the right to run DAGs on this HOME: one scheduler `alone`, or any number of `dag.test()` runs.

    A scheduler would run the tasks of a `dag.test()` run as well. Raises ConflictError while others hold it. The kernel
    releases it when this process and those that inherit the lock are gone.
    """
    home.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = acquire_file_lock(home / "scheduling.lock", exclusive=alone, wait=False)
    except BlockingIOError:
        state = read_state(home)
        where = f", process {state.pid}" if state and state.alive else ""
        raise ConflictError(
            f"other runs use {home}{where}: a stack, or `newsreel ingest` without one"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _file(home: Path) -> Path:
    return home / "stack.json"
