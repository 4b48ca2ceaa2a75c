"""Two processes of the API behind one address, each request to the other one: the answers are those of one process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from schemas.settings import settings
from stores.postgres import connect
from streaming.api.videos import read_cache
from streaming.serving import database
from tests.processes import ChildProgram
from tests.streaming.api.uploads.test_uploads import MIB, OCTETS, TUS, noise
from tests.streaming.api.waiting import wait_for
from tests.streaming.conftest import publish_package, served
from tests.streaming.ratelimit.servers import one_server

LOGIN = {"user_name": "ann", "password": "correct horse"}


@dataclass
class Program:
    """One process of the API."""

    process: subprocess.Popen[str]
    url: str


class RoundRobin(httpx.BaseTransport):
    """What a balancer does: each request to the next server, and to the one after it where nobody accepts it."""

    def __init__(self, programs: list[Program]) -> None:
        self._turns, self._number = cycle(programs), len(programs)
        self._way = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for left in reversed(range(self._number)):
            server = httpx.URL(next(self._turns).url)
            request.url = request.url.copy_with(host=server.host, port=server.port)
            try:
                return self._way.handle_request(request)
            except httpx.ConnectError:
                if not left:
                    raise
        raise AssertionError("there are no servers")

    def close(self) -> None:
        self._way.close()


@contextmanager
def running() -> Iterator[Program]:
    """A process of the settings that hold now, as `newsreel up` starts it."""
    command = [sys.executable, "-m", "streaming.api", "--port", "0"]
    with ChildProgram(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        yield Program(process, process.stdout.readline().split()[-1])
        process.kill()


@pytest.fixture
def programs(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Program]]:
    """Two, on one HOME, one PostgreSQL and one Redis, which believe what a proxy on this machine says."""
    monkeypatch.setenv("NEWSREEL_TRUSTED_PROXIES", "127.0.0.1")
    with one_server(tmp_path / "redis") as redis, ExitStack() as both:
        monkeypatch.setenv("NEWSREEL_REDIS_URL", redis.url)
        settings.cache_clear()
        yield [both.enter_context(running()) for _ in range(2)]


@pytest.fixture
def balanced(programs: list[Program]) -> Iterator[httpx.Client]:
    """A client of both in turn; it sends no token."""
    with httpx.Client(base_url="http://api.example", transport=RoundRobin(programs)) as client:
        yield client


@pytest.fixture
def ann(balanced: httpx.Client) -> dict[str, str]:
    """Headers of somebody who signed up at one process and in at the other."""
    assert balanced.post("/v1/users", json=LOGIN).status_code == 201
    token = balanced.post("/v1/sessions", json=LOGIN).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def rows(table: str) -> int:
    with connect() as connection:
        [row] = connection.execute(f"SELECT count(*) AS rows FROM {table}".encode()).fetchall()
    return int(row["rows"])


def test_a_session_of_one_is_good_at_all_and_ends_at_all(balanced: httpx.Client, ann: dict[str, str]) -> None:
    assert {balanced.get("/v1/friends", headers=ann).status_code for _ in range(4)} == {200}
    assert balanced.delete("/v1/sessions", headers=ann).status_code == 204
    deadline = time.monotonic() + 60
    while {balanced.get("/v1/friends", headers=ann).status_code for _ in range(2)} != {401}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_idempotency_key_is_known_to_all(balanced: httpx.Client, ann: dict[str, str]) -> None:
    def post(content: str = "hello") -> httpx.Response:
        return balanced.post("/v1/posts", json={"content": content}, headers=ann | {"Idempotency-Key": "k"})

    with ThreadPoolExecutor(8) as at_once:
        answers = [answer.result() for answer in [at_once.submit(post) for _ in range(16)]]
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.content for answer in answers if answer.status_code == 201}
    assert made == {post().content} == {post().content}
    assert {post("other").status_code for _ in range(2)} == {422}
    assert rows("posts") == 1


def test_a_key_without_a_user_belongs_to_the_address_that_the_proxy_saw(balanced: httpx.Client) -> None:
    def sign_up(name: str, address: str) -> httpx.Response:
        headers = {"Idempotency-Key": "k", "X-Forwarded-For": f"198.51.100.9, {address}"}
        return balanced.post("/v1/users", json=LOGIN | {"user_name": name}, headers=headers)

    first = sign_up("bob", "203.0.113.1")
    assert first.status_code == 201
    assert sign_up("bob", "203.0.113.1").content == first.content
    assert sign_up("eve", "203.0.113.2").status_code == 201, "another address, another key"


def test_limits_are_counted_once_for_all(balanced: httpx.Client) -> None:
    left = []
    for _ in range(6):
        fields = balanced.post("/v1/users", json={}).headers["ratelimit"].split(", ")
        [sign_ups] = [field for field in fields if field.startswith('"sign-ups"')]
        left.append(int(sign_ups.split(";r=")[1].split(";")[0]))
    assert left == list(range(left[0], left[0] - 6, -1)), "each request counts, whichever process serves it"


def test_an_upload_may_go_on_at_any_of_them(
    balanced: httpx.Client, programs: list[Program], ann: dict[str, str]
) -> None:
    data, piece = noise(3 * MIB + 5), MIB // 2 + 7
    made = balanced.post("/v1/uploads", headers=TUS | ann | {"Upload-Length": str(len(data))})
    url, answer = made.headers["location"], made
    for at in range(0, len(data), piece):
        told = balanced.head(url, headers=TUS | ann)
        assert told.headers["upload-offset"] == str(at)
        balanced.get("/healthz")  # so that the next piece goes to the other one
        answer = balanced.patch(
            url, headers=OCTETS | ann | {"Upload-Offset": str(at)}, content=data[at : at + piece]
        )
        assert answer.status_code == 204, answer.text
    video = balanced.get(answer.headers["content-location"], headers=ann).json()
    assert video["sha256"] == hashlib.sha256(data).hexdigest()
    with connect() as connection:
        digests = connection.execute("SELECT sha256 FROM upload_chunks ORDER BY chunk_index").fetchall()
    assert [row["sha256"] for row in digests] == [
        hashlib.sha256(data[start : start + MIB]).hexdigest() for start in range(0, len(data), MIB)
    ]


def test_an_upload_has_one_writer_whichever_server_takes_it(
    balanced: httpx.Client, programs: list[Program], ann: dict[str, str]
) -> None:
    data = noise(2000)
    url = balanced.post("/v1/uploads", headers=TUS | ann | {"Upload-Length": "2000"}).headers["location"]
    headers = OCTETS | ann | {"Upload-Offset": "0"}
    second: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield data[:1000]
        time.sleep(0.5)
        second.append(httpx.patch(programs[1].url + url, headers=headers, content=data).status_code)
        yield data[1000:]

    sized = headers | {"Content-Length": str(len(data))}
    first = httpx.patch(programs[0].url + url, headers=sized, content=slowly())
    assert (first.status_code, second) == (204, [423])


def test_what_one_changes_all_show_soon(
    balanced: httpx.Client, ann: dict[str, str], add_video: Callable[..., str]
) -> None:
    """A video by notice; a page of comments when `LONGEST_S` is over, for nobody is told of those."""
    with connect() as connection:
        [row] = connection.execute("SELECT user_id FROM users").fetchall()
    path = f"/v1/videos/{add_video(uploader_id=row['user_id'], package=publish_package())}"

    def read_counts(what: str, read: Callable[[httpx.Response], Any]) -> list[Any]:
        return [read(balanced.get(what)) for _ in range(2)]

    for turn in range(3):
        title = f"title {turn}"
        read_counts(path, httpx.Response.json)
        assert balanced.patch(path, json={"title": title}, headers=ann).status_code == 200
        wait_for(lambda: read_counts(path, lambda answer: answer.json()["title"]), [title] * 2, within_s=5)
    etags = read_counts(path, lambda answer: answer.headers["etag"])
    assert etags[0] == etags[1], "a cache may ask either"
    read_counts(f"{path}/comments", httpx.Response.json)
    assert balanced.post(f"{path}/comments", json={"text": "hello"}, headers=ann).status_code == 201
    wait_for(
        lambda: read_counts(f"{path}/comments", lambda answer: len(answer.json()["items"])),
        [1, 1],
        within_s=read_cache.LONGEST_S + 4,
    )


def test_when_one_dies_the_other_serves(
    balanced: httpx.Client, programs: list[Program], ann: dict[str, str]
) -> None:
    programs[0].process.send_signal(signal.SIGKILL)
    programs[0].process.wait()
    answers = [
        balanced.post("/v1/posts", json={"content": "hello"}, headers=ann | {"Idempotency-Key": f"{n}"})
        for n in range(10)
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert rows("posts") == 10


def ready(program: Program) -> int | None:
    """What `/readyz` says; None where nobody accepts a connection."""
    try:
        status = httpx.get(f"{program.url}/readyz").status_code
    except httpx.TransportError:
        return None
    assert status == 503, "it was asked to end"
    return status


def test_one_that_is_asked_to_end_finishes_what_it_began(
    balanced: httpx.Client, programs: list[Program], ann: dict[str, str]
) -> None:
    """It says 503 for a moment and then accepts nobody: a balancer that goes on to the next server loses nothing."""
    data = noise(2000)
    url = balanced.post("/v1/uploads", headers=TUS | ann | {"Upload-Length": "2000"}).headers["location"]
    answers: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield data[:1000]
        time.sleep(0.2)
        programs[0].process.send_signal(signal.SIGTERM)
        wait_for(lambda: ready(programs[0]), None, within_s=3)
        answers.extend(balanced.get("/v1/friends", headers=ann).status_code for _ in range(10))
        yield data[1000:]

    headers = OCTETS | ann | {"Upload-Offset": "0", "Content-Length": "2000"}
    assert httpx.patch(programs[0].url + url, headers=headers, content=slowly()).status_code == 204
    assert set(answers) == {200}
    assert programs[0].process.wait(timeout=60) in (0, -signal.SIGTERM)


def test_readiness_goes_with_postgresql_and_comes_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balancer takes a server out that cannot serve; the process lives on, and is put back by itself."""
    name = database_url.partition("?")[0].rpartition("/")[2]
    monkeypatch.setattr(database, "WAIT_S", 0.5)

    def let_in(yes: bool) -> None:
        with psycopg.connect(database_url.replace(name, "template1"), autocommit=True) as elsewhere:
            elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {yes}'.encode())
            elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )

    with served() as url, httpx.Client(base_url=url) as api:

        def status() -> int:
            return api.get("/readyz").status_code

        wait_for(status, 200, within_s=5)
        let_in(False)
        try:
            wait_for(status, 503, within_s=5)
            assert api.get("/healthz").status_code == 200
            refused = api.get("/v1/videos/v")
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        finally:
            let_in(True)
        wait_for(status, 200, within_s=20)
