"""All processes of a HOME, its PostgreSQL included: the memory that they share, the CPU that they took."""

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
"""Of a core that sampling takes at most: walking through all pages of all processes takes it from them."""
_KIB = 1024
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Memory:
    """The highest sum of proportional set sizes that was seen, in bytes, and what held it, by program."""

    peak_bytes: int = 0
    by_program: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def add(self, sizes: dict[str, int]) -> None:
        """One sample: bytes by program."""
        self.samples += 1
        if (total := sum(sizes.values())) > self.peak_bytes:
            self.peak_bytes, self.by_program = total, sizes


def list_processes(house: FreshHome) -> list[psutil.Process]:
    """Those with this NEWSREEL_HOME in their environment, PostgreSQL's server, and all that they have started."""
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
    """CPU time of all that lives, and of all that has ended and was waited for by what lives (proc(5), stat 14 to 17).

    The difference of two calls is what a HOME took between them, as long as nothing in it lost its parent.
    """
    ticks = 0
    for process in list_processes(house):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / _TICKS_A_SECOND


def sample_memory(house: FreshHome) -> dict[str, int]:
    """Bytes by program: proportional set sizes, in which a page that n processes share counts 1/n for each."""
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
    """Sample all the while; the answer is complete after the block."""
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
    """A Python process by the module that it runs, any other by its name, without what a title adds to it."""
    line = process.cmdline()
    for place, word in enumerate(line[:-1]):
        if word == "-m":
            return str(line[place + 1])
    return str(process.name()).partition(" --")[0]
