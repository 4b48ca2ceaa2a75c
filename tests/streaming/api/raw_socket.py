"""HTTP/1.1 by hand, for what no client would send."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Raw:
    """An answer as it came: names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body, checked to be a problem with all that every answer carries."""
        assert self.headers["content-type"] == "application/problem+json", self
        found = json.loads(self.body)
        assert found["status"] == self.status, self
        assert {"type", "title", "status", "detail"} <= found.keys(), self
        assert self.headers["x-request-id"], self
        assert self.headers["x-content-type-options"] == "nosniff", self
        assert "default-src 'none'" in self.headers["content-security-policy"], self
        return dict(found)


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A connection to the server at this URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    with socket.create_connection((parts.hostname, parts.port), TIMEOUT_S) as connection:
        yield connection


def ask(url: str, *parts: bytes) -> Raw:
    """Send these bytes on a connection of its own; the first answer."""
    with connected(url) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # refused while it was being sent; the answer may be there all the same
        return answer(connection, with_body=not parts[0].startswith(b"HEAD "))


def answer(connection: socket.socket, *, with_body: bool = True) -> Raw:
    """The next answer on a connection; fails where it is closed without one."""
    with connection.makefile("rb") as lines:
        status_line = lines.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers: dict[str, str] = {}
        while line := lines.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", 0))) if with_body else b""
    return Raw(int(status_line.split()[1]), headers, body)


def closes_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the server closes the connection before so much time has passed."""
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        connection.settimeout(left_s)
        try:
            if not connection.recv(65536):
                return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A well-formed request, with exactly these headers more."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
