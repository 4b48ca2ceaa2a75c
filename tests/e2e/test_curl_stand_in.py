"""The stand-in for curl: what a server gets and what is printed is what curl sends and prints, where curl is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

STAND_IN = [sys.executable, str(Path(__file__).with_name("curl_stand_in.py"))]
CURL = [program] if (program := shutil.which("curl")) else STAND_IN
JSON = "Content-Type: application/json"
HEARD = ("content-type", "authorization", "upload-offset")


class Echo(BaseHTTPRequestHandler):
    """Answers with the request."""

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        heard = {name.lower(): value for name, value in self.headers.items()}
        lines = [self.command, self.path, *(f"{name}={heard.get(name)}" for name in HEARD), body.decode()]
        answer = "\n".join(lines).encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("X-Heard", str(len(answer)))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Echo) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "arguments",
    [
        ["-sS"],
        ["-sS", "-H", "Authorization: Bearer abc"],
        ["-sS", "-H", JSON, "-d", '{"name": "Ann ä"}'],
        ["-sS", "-X", "PUT", "-H", JSON, "-d", "{}"],
        ["-sS", "-X", "DELETE"],
        ["-sS", "-X", "PUT"],
        ["-sS", "-I"],
        ["-sS", "-D", "-", "-o", "/dev/null", "-X", "PATCH", "-H", "Upload-Offset: 0", "--data-binary", "@-"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("path", ["/", "/missing?a=b"])
def test_it_sends_and_prints_what_curl_does(server: str, path: str, arguments: list[str]) -> None:
    found = [
        subprocess.run(
            [*program, *arguments, server + path], input=b"bytes", capture_output=True, check=False
        )
        for program in (STAND_IN, CURL)
    ]
    assert found[0].returncode == found[1].returncode == 0, found[0].stderr
    assert drop_dates(found[0].stdout) == drop_dates(found[1].stdout)


def drop_dates(output: bytes) -> list[bytes]:
    lines = [line for line in output.splitlines() if not line.lower().startswith(b"date:")]
    return [line.replace(b"HTTP/1.0", b"HTTP/1.1") for line in lines]


def test_an_option_that_it_does_not_know_is_an_error(server: str) -> None:
    done = subprocess.run([*STAND_IN, "--compressed", server], capture_output=True, check=False)
    assert done.returncode == 2
