"""A tus server that fails on demand: what the real one does too seldom to be tested with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CUT = 0
"""Instead of a status: the connection ends in the middle of a body."""


@dataclass
class FaultyTus:
    """What came, and what is to go wrong: (method, status or `CUT`, header fields) of the next such request."""

    url: str = ""
    faults: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    tus: FaultyTus
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self._goes_on():
            path = f"/v1/uploads/{len(self.tus.uploads) + 1}"
            self.tus.uploads[path], self.tus.lengths[path] = bytearray(), int(self.headers["Upload-Length"])
            self._answer(201, {"Location": path})

    def do_HEAD(self) -> None:
        if self._goes_on():
            self._tell()

    def do_PATCH(self) -> None:
        if self._goes_on():
            if int(self.headers["Upload-Offset"]) != len(self.tus.uploads[self.path]):
                return self._answer(409, {})
            self.tus.uploads[self.path] += self.rfile.read(int(self.headers["Content-Length"]))
            self._tell()
        return None

    def _goes_on(self) -> bool:
        self.tus.requests.append(self.command)
        for fault in self.tus.faults:
            method, status, headers = fault
            if method == self.command:
                self.tus.faults.remove(fault)
                length = int(self.headers.get("Content-Length", 0))
                if status == CUT:  # half of it has arrived
                    self.tus.uploads[self.path] += self.rfile.read(length // 2)
                    self.close_connection = True
                else:
                    self.rfile.read(length)
                    self._answer(status, headers)
                return False
        if self.command != "POST" and self.path not in self.tus.uploads:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(404, {})
            return False
        return True

    def _tell(self) -> None:
        there = len(self.tus.uploads[self.path])
        done = {"Content-Location": "/v1/videos/v1"} if there == self.tus.lengths[self.path] else {}
        self._answer(200 if self.command == "HEAD" else 204, {"Upload-Offset": str(there), **done})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests are quiet."""


@contextmanager
def faulty_tus() -> Iterator[FaultyTus]:
    """Serve one on a free port."""
    tus = FaultyTus()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"tus": tus}))
    tus.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield tus
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
