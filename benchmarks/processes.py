"""Memory and CPU time of all processes of a HOME, including its PostgreSQL.

Tests: tests/benchmarks/test_ingest.py.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.fresh_home import FreshHome

SAMPLE_S = 4.0
SHARE = 0.01
"""Maximum share of a core that sampling may take, since it walks all pages of all processes."""
_KIB = 1024
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Memory:
    """Peak of the sum of proportional set sizes, in bytes, and its distribution by program."""

    peak_bytes: int = 0
    by_program: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def add(self, sizes: dict[str, int]) -> None:
        """Add a sample: bytes by program."""
        self.samples += 1
        if (total := sum(sizes.values())) > self.peak_bytes:
            self.peak_bytes, self.by_program = total, sizes


def list_processes(house: FreshHome) -> list[psutil.Process]:
    """Processes with this NEWSREEL_HOME in their environment, the PostgreSQL server, and all their descendants."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("NEWSREEL_HOME") == str(house.home):
                found[process.pid] = process
    if server := house.find_postgres():
        found[server.pid] = server
    for process in list(found.values()):
        with suppress(psutil.Error):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())


def read_cpu_seconds(house: FreshHome) -> float:
    """CPU seconds of all living processes and of their reaped children (proc(5), stat fields 14 to 17).

    The difference of two calls is the CPU time of the HOME in between, provided that no process lost its parent.
    """
    ticks = 0
    for process in list_processes(house):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / _TICKS_A_SECOND


def sample_memory(house: FreshHome) -> dict[str, int]:
    """Proportional set size in bytes by program; a page shared by n processes counts 1/n for each."""
    sizes: dict[str, int] = {}
    for process in list_processes(house):
        with suppress(psutil.Error, FileNotFoundError, ProcessLookupError, PermissionError):
            name = _program_name(process)
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    sizes[name] = sizes.get(name, 0) + int(line.split()[1]) * _KIB
    return sizes


@contextmanager
def watched_memory(house: FreshHome) -> Iterator[Memory]:
    """Sample memory for the duration of the block; the result is complete after it."""
    memory, ended = Memory(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            memory.add(sample_memory(house))
            ended.wait(max(SAMPLE_S, (time.monotonic() - begun) / SHARE))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        ended.set()
        watcher.join()


def _program_name(process: psutil.Process) -> str:
    """Module of a Python process, else the process name without the suffix of its title."""
    line = process.cmdline()
    for place, word in enumerate(line[:-1]):
        if word == "-m":
            return str(line[place + 1])
    return str(process.name()).partition(" --")[0]
