"""HOME/stack.json: where the stack of a HOME is and what it serves, and the lock of who may run one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from schemas.errors import ConflictError

Phase = Literal["starting", "healthy", "stopping"]


@dataclass(frozen=True)
class StackState:
    """What other processes need to know of a stack. No secret is in here."""

    stack_id: str
    pid: int
    started: float
    """The process's start, seconds since the epoch: with the id it names one process for good."""
    phase: Phase
    api_url: str
    airflow_url: str
    database_url: str
    redis_url: str
    components: dict[str, int]
    """Process ids by name."""

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def write(self, home: Path) -> None:
        """Write it down, whole or not at all."""
        draft = home / f".stack.json.{os.getpid()}"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(_file(home))


def read_state(home: Path) -> StackState | None:
    """What was last written down, also by a stack that is gone."""
    try:
        return StackState(**json.loads(_file(home).read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def remove_state(home: Path) -> None:
    """Remove it: no stack is here, and it has left nothing behind."""
    _file(home).unlink(missing_ok=True)


@contextmanager
def scheduling_lock(home: Path, *, alone: bool, wait: bool = False) -> Iterator[None]:
    """Hold the right to run DAGs on this HOME: one scheduler `alone`, or any number of `dag.test()` runs.

    A scheduler would take up the tasks of a `dag.test()` run as well. Raises ConflictError while others hold it,
    unless told to `wait`. The kernel lets go when this process and those that inherit the lock are gone.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "scheduling.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            state = read_state(home)
            where = f", process {state.pid}" if state and state.alive else ""
            raise ConflictError(
                f"other runs use {home}{where}: a stack, or `newsreel ingest` without one"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _file(home: Path) -> Path:
    return home / "stack.json"
