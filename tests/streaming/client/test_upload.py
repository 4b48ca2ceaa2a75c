"""`newsreel login`, `upload` and `password` as typed: against the served API, interrupted and gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from stores.outbox import upsert_row
from stores.postgres import connect
from streaming.client.upload import PIECE_BYTES
from tests.processes import ChildProgram
from tests.streaming.conftest import served

LOGIN = {"user_name": "ann", "password": "correct horse"}


@pytest.fixture
def server(database_url: str) -> Iterator[str]:
    """A served API with an account."""
    with served() as url:
        assert httpx.post(f"{url}/v1/users", json=LOGIN).status_code == 201
        yield url


def run_command(
    *arguments: str | Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "newsreel", *map(str, arguments)],
        input=stdin, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def run_json(*arguments: str | Path, stdin: str = "", code: int = 0, **environment: str) -> Any:
    done = run_command(*arguments, "--json", stdin=stdin, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def film(folder: Path, size_bytes: int) -> Path:
    path = folder / "film 'one' 100%.mp4"
    path.write_bytes(hashlib.shake_128(b"film").digest(size_bytes))
    return path


def test_who_logs_in_uploads(server: str, home: Path, tmp_path: Path) -> None:
    answer = run_json("login", "--server", server, "--user", "ann", stdin="correct horse\n")
    assert answer == {"user_name": "ann", "server": server}
    assert stat.S_IMODE((home / "session.json").stat().st_mode) == 0o600
    path = film(tmp_path, PIECE_BYTES + 5)
    done = run_command("upload", path, "--title", "One")
    assert done.returncode == 0, done.stderr
    video_id = done.stdout.strip()
    with connect() as connection:
        [row] = connection.execute("SELECT video_id, title, sha256 FROM videos").fetchall()
    assert row == {
        "video_id": video_id,
        "title": "One",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert run_json("upload", path, "--title", "One")["video_id"] == video_id, (
        "the same bytes are the same video"
    )


def test_a_token_from_the_environment_goes_before(server: str, tmp_path: Path) -> None:
    token = httpx.post(f"{server}/v1/sessions", json=LOGIN).json()["access_token"]
    path = film(tmp_path, 10)
    answer = run_json("upload", path, "--title", "One", "--server", server, NEWSREEL_TOKEN=token)
    assert answer["size_bytes"] == 10


def test_after_ctrl_c_the_same_command_goes_on(server: str, home: Path, tmp_path: Path) -> None:
    run_json("login", "--server", server, "--user", "ann", stdin="correct horse\n")
    path = film(tmp_path, 12 * PIECE_BYTES)
    # On a busy machine it must not be at its end before this test gets its turn again.
    command = ["nice", "-n", "19", sys.executable, "-m", "newsreel", "upload", str(path), "--title", "One"]
    with ChildProgram(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        uploads = home / "media" / "uploads"
        deadline = time.monotonic() + 120
        while not any(file.stat().st_size > PIECE_BYTES for file in uploads.glob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first.send_signal(signal.SIGINT)
        _, errors = first.communicate()
    assert first.returncode == 130
    assert "run the same command again" in errors
    answer = run_json("upload", path, "--title", "One")
    assert answer["resumed_at_bytes"] >= PIECE_BYTES
    with connect() as connection:
        [row] = connection.execute("SELECT sha256 FROM videos").fetchall()
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list((home / "uploads").iterdir()) == []


def test_what_is_wrong_is_told(server: str, home: Path, tmp_path: Path) -> None:
    path = film(tmp_path, 10)
    nobody = run_json("upload", path, "--title", "One", "--server", server, code=3)
    assert nobody["error"]["kind"] == "log_in"
    assert "newsreel login" in nobody["error"]["detail"]
    wrong = run_json("login", "--server", server, "--user", "ann", stdin="wrong horse\n", code=3)
    assert wrong["error"]["detail"] == "Wrong user name or password."
    away = run_json("login", "--server", "http://127.0.0.1:9", "--user", "ann", stdin="x\n", code=3)
    assert away["error"]["kind"] == "dependency"
    assert run_json("login", "--server", "ftp://x", "--user", "ann", stdin="x\n", code=2)
    run_json("login", "--server", server, "--user", "ann", stdin="correct horse\n")
    assert run_json("upload", tmp_path / "nothing.mp4", "--title", "One", code=2)["error"]["kind"] == "input"
    assert run_json("upload", path, "--title", "x" * 501, code=2)["error"]["kind"] == "input"


def test_an_account_without_a_password_gets_one(server: str) -> None:
    with connect() as connection:
        now = datetime.now(UTC)
        upsert_row(connection, "users", {"user_id": "u1"}, {"user_name": "imported", "created": now})
    assert httpx.post(f"{server}/v1/sessions", json=LOGIN | {"user_name": "imported"}).status_code == 401
    assert run_json("password", "imported", stdin="correct horse\n") == {"user_name": "imported"}
    assert httpx.post(f"{server}/v1/sessions", json=LOGIN | {"user_name": "imported"}).status_code == 201
    assert run_command("password", "nobody", stdin="correct horse\n").returncode == 1
    assert run_command("password", "imported", stdin="short\n").returncode == 2
