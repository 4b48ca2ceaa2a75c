"""Promises of every path of the API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from streaming.serving.server import FILES, listen
from tests.processes import ChildProgram


def test_health_needs_no_other_server(api: httpx.Client) -> None:
    answer = api.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/healthz", 405), ("GET", "/media/", 404)],
)
def test_errors_are_problem_details(api: httpx.Client, method: str, path: str, status: int) -> None:
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "detail"}
    assert answer.json()["status"] == status


def test_every_answer_forbids_foreign_and_inline_scripts(api: httpx.Client, database_url: str) -> None:
    for path in ("/healthz", "/nothing", "/watch/nothing", "/static/watch.js"):
        headers = api.get(path).headers
        assert "default-src 'none'; script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_openapi_document_lists_the_json_routes(api: httpx.Client) -> None:
    assert "/healthz" in api.get("/openapi.json").json()["paths"]


def test_static_files_are_asked_about_again(api: httpx.Client) -> None:
    first = api.get("/static/watch.js")
    assert first.headers["cache-control"] == "no-cache"
    assert api.get("/static/watch.js", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"])
def test_static_files_lead_nowhere_else(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 404


def test_the_program_says_where_it_listens_and_ends_on_sigterm(database_url: str) -> None:
    command = [sys.executable, "-m", "streaming.api", "--port", "0"]
    with ChildProgram(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        line = program.stdout.readline()
        said = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert said, line
        assert httpx.get(f"{said[1]}/healthz").status_code == 200
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(timeout=60) in (0, -signal.SIGTERM)
        told = [json.loads(line) for line in program.stderr]
    assert [(line["logger"], line["route"], line["status"]) for line in told] == [
        ("newsreel.access", "/healthz", 200)
    ]


def test_the_usual_limit_of_open_files_is_raised(database_url: str) -> None:
    program = f"ulimit -Sn 256; exec {sys.executable} -m streaming.api --port 0"
    with ChildProgram(["bash", "-c", program], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[-1]
        assert httpx.get(f"{url}/healthz").status_code == 200
        limits = Path(f"/proc/{running.pid}/limits").read_text()
        running.terminate()
    found = re.search(r"Max open files +(\d+) +(\d+)", limits)
    assert found
    assert int(found[1]) == min(FILES, int(found[2]))


def test_a_taken_port_is_a_clear_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "streaming.api", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 3
    assert re.fullmatch(rf"error: cannot listen on 127\.0\.0\.1:{port} .*\n", ended.stderr)
