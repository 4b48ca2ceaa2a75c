"""Uploads, tus 1.0.0: every acknowledged byte is there, no other one is, and nobody else gets at them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import httpx
import pytest

from schemas.settings import settings
from stores.media import media
from stores.postgres import connect
from streaming.api.uploads import writer
from streaming.api.uploads.fields import LONGEST_BYTES
from streaming.api.uploads.file import UploadFile, _cache
from streaming.api.uploads.rows import find_path
from tests.streaming.conftest import Person

Join = Callable[..., Person]
MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = TUS | {"Content-Type": "application/offset+octet-stream"}


def noise(size_bytes: int, seed: str = "") -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size_bytes)


def metadata(**texts: str) -> dict[str, str]:
    pairs = (f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in texts.items())
    return {"Upload-Metadata": ",".join(pairs)}


def checksum(algorithm: str, data: bytes) -> dict[str, str]:
    if algorithm == "crc32c":
        digest = google_crc32c.value(data).to_bytes(4, "big")
    else:
        digest = hashlib.new(algorithm, data).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


def create(person: Person, size_bytes: int, **headers: str) -> str:
    answer = person.http.post("/v1/uploads", headers=TUS | {"Upload-Length": str(size_bytes)} | headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def patch(person: Person, url: str, offset: int, data: Any, **headers: str) -> httpx.Response:
    return person.http.patch(url, headers=OCTETS | {"Upload-Offset": str(offset)} | headers, content=data)


def offset(person: Person, url: str) -> int:
    answer = person.http.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def test_what_the_server_can_do(api: httpx.Client) -> None:
    answer = api.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-extension"] == "creation,creation-with-upload,expiration,checksum,termination"
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1,crc32c"
    assert answer.headers["tus-max-size"] == str(256 << 30)


def test_a_file_in_pieces_becomes_a_video_and_a_source(join: Join) -> None:
    ann, data = join(), noise(3 * MIB + 5)
    url = create(
        ann, len(data), **metadata(filename="../../a 'b' \"c\".mp4", title="Mine", description="All of it")
    )
    at = 0
    for size in (1, MIB, 2 * MIB, 4):
        answer = patch(ann, url, at, data[at : at + size])
        at += size
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(at))
        assert "upload-expires" in answer.headers
    video_id = re.fullmatch(r"/v1/videos/(.+)", answer.headers["content-location"])
    assert video_id
    video = ann.http.get(answer.headers["content-location"]).json()
    assert (video["title"], video["description"], video["size_bytes"]) == ("Mine", "All of it", len(data))
    assert (video["status"], video["sha256"]) == ("inspecting", hashlib.sha256(data).hexdigest())
    assert media().source_path(video["sha256"]).read_bytes() == data
    assert list((settings().media_path / "uploads").iterdir()) == []
    with connect() as connection:
        chunks = connection.execute(
            "SELECT byte_start, byte_end, sha256 FROM upload_chunks ORDER BY chunk_index"
        ).fetchall()
    assert chunks == [
        {"byte_start": start, "byte_end": end, "sha256": hashlib.sha256(data[start:end]).hexdigest()}
        for start, end in ((0, MIB), (MIB, 2 * MIB), (2 * MIB, 3 * MIB), (3 * MIB, len(data)))
    ]
    assert offset(ann, url) == len(data)
    again = patch(ann, url, len(data), b"")
    assert again.headers["content-location"] == answer.headers["content-location"]


@pytest.mark.parametrize("size_bytes", [0, 10])
def test_creation_with_upload_may_be_all_of_it(join: Join, size_bytes: int) -> None:
    ann, data = join(), noise(size_bytes)
    headers = OCTETS | {"Upload-Length": str(size_bytes)} | checksum("sha256", data)
    answer = ann.http.post("/v1/uploads", headers=headers, content=data)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(size_bytes))
    assert ann.http.get(answer.headers["content-location"]).json()["title"] == "Untitled"


def test_the_same_bytes_again_are_the_same_video_and_change_nothing(join: Join) -> None:
    ann, bob, data = join(), join(), noise(100)
    found = []
    for person, title in ((ann, "First"), (ann, "Second"), (bob, "Third")):
        url = create(person, 100, **metadata(title=title))
        found.append(patch(person, url, 0, data).headers["content-location"])
    assert found[0] == found[1] != found[2]
    assert ann.http.get(found[0]).json()["title"] == "First"


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "crc32c"])
def test_bytes_that_do_not_add_up_are_not_kept(join: Join, algorithm: str) -> None:
    ann, data = join(), noise(2 * MIB)
    url = create(ann, len(data))
    assert patch(ann, url, 0, data[:MIB], **checksum(algorithm, data[:MIB])).status_code == 204
    wrong = patch(ann, url, MIB, data[MIB:], **checksum(algorithm, b"x"))
    assert wrong.status_code == 460
    assert wrong.json()["title"] == "Checksum Mismatch"
    assert offset(ann, url) == MIB
    right = patch(ann, url, MIB, data[MIB:], **checksum(algorithm, data[MIB:]))
    assert (
        ann.http.get(right.headers["content-location"]).json()["sha256"] == hashlib.sha256(data).hexdigest()
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Checksum": "md5 AAAA"}, 400),
        ({"Upload-Checksum": "sha256 ?"}, 400),
        ({"Upload-Offset": "1"}, 409),
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Offset": "-1"}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Tus-Resumable": ""}, 412),
    ],
)
def test_a_wrong_patch_is_refused_and_nothing_of_it_is_kept(
    join: Join, headers: dict[str, str], status: int
) -> None:
    ann = join()
    url = create(ann, 10)
    answer = patch(ann, url, 0, b"x" * 5, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert offset(ann, url) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": str(LONGEST_BYTES + 1)}, 413),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "title ?"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "title /w=="}, 400),
        ({"Upload-Length": "5", **metadata(title="a\0")}, 400),
        ({"Upload-Length": "5", **metadata(title="x" * 501)}, 400),
        ({"Upload-Length": "5", "Tus-Resumable": "2.0.0"}, 412),
    ],
)
def test_a_wrong_creation_leaves_nothing_behind(join: Join, headers: dict[str, str], status: int) -> None:
    answer = join().http.post("/v1/uploads", headers=TUS | headers)
    assert answer.status_code == status
    with connect() as connection:
        assert connection.execute("SELECT FROM uploads").fetchall() == []


def test_more_bytes_than_announced_are_refused_whole(join: Join) -> None:
    ann = join()
    url = create(ann, 10)
    assert patch(ann, url, 0, b"x" * 11).status_code == 413

    def split_chunks() -> Iterator[bytes]:
        yield from (b"x" * 6, b"x" * 6)

    assert patch(ann, url, 0, split_chunks()).status_code == 413
    assert offset(ann, url) == 0


def test_an_upload_is_nobody_elses(api: httpx.Client, join: Join) -> None:
    ann, eve = join(), join()
    url = create(ann, 10)
    for answer in (
        eve.http.head(url, headers=TUS),
        patch(eve, url, 0, b"x"),
        eve.http.delete(url, headers=TUS),
    ):
        assert answer.status_code == 404
    assert api.head(url, headers=TUS).status_code == 401
    assert api.post("/v1/uploads", headers=TUS | {"Upload-Length": "1"}).status_code == 401
    assert eve.http.head("/v1/uploads/..%2f..%2fx", headers=TUS).status_code == 404


def test_a_given_up_upload_is_gone(join: Join) -> None:
    ann = join()
    url = create(ann, 3 * MIB)
    patch(ann, url, 0, noise(2 * MIB))
    assert ann.http.delete(url, headers=TUS).status_code == 204
    assert ann.http.head(url, headers=TUS).status_code == 410
    assert patch(ann, url, 0, b"x").status_code == 410
    assert list((settings().media_path / "uploads").iterdir()) == []
    with connect() as connection:
        assert connection.execute("SELECT FROM upload_chunks").fetchall() == []


def test_a_client_that_knows_post_alone_says_what_it_means(join: Join) -> None:
    ann = join()
    url = create(ann, 4)
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    assert ann.http.post(url, headers=OCTETS | override, content=b"abcd").status_code == 204
    assert ann.http.post(url, headers=TUS | {"X-HTTP-Method-Override": "PUT"}).status_code == 405


def begin(person: Person, url: str, at: int, announced: int, data: bytes) -> socket.socket:
    """A PATCH that announces more than it sends."""
    base = person.http.base_url
    connection = socket.create_connection((base.host, base.port or 80), timeout=60)
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: x\r\nAuthorization: {person.http.headers['Authorization']}\r\n"
        f"Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: {at}\r\n"
        f"Content-Length: {announced}\r\n\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection


def test_a_cut_patch_keeps_what_came(join: Join) -> None:
    ann, data = join(), noise(3 * MIB)
    url = create(ann, len(data))
    begin(ann, url, 0, len(data), data[: MIB + 7]).close()
    deadline = time.monotonic() + 60
    while offset(ann, url) < MIB + 7 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert offset(ann, url) == MIB + 7
    answer = patch(ann, url, MIB + 7, data[MIB + 7 :])
    assert (
        ann.http.get(answer.headers["content-location"]).json()["sha256"] == hashlib.sha256(data).hexdigest()
    )


def test_a_second_writer_waits_and_a_dead_one_is_noticed(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writer.SILENCE_S < 5
    monkeypatch.setattr(writer, "SILENCE_S", 1.0)
    ann, data = join(), noise(MIB)
    url = create(ann, len(data))
    with begin(ann, url, 0, len(data), data[:1000]) as first:
        time.sleep(0.3)
        second = patch(ann, url, 0, data)
        assert second.status_code == 423
        first.sendall(data[1000:2000])
        time.sleep(0.5)
        assert patch(ann, url, 0, data).status_code == 423, "the first is undisturbed"
        # Now it says nothing more, and does not hang up either.
        deadline = time.monotonic() + 60
        while (
            status := patch(ann, url, 2000, data[2000:]).status_code
        ) == 423 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert status == 204
        assert b"408" in first.recv(100)


def test_offsets_are_right_to_256_gib(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without writing them: a file of that length with nothing in it takes no room."""
    for name in ("QUOTA_BYTES", "FREE_SPACE_BYTES"):
        monkeypatch.setenv(f"NEWSREEL_{name}", "0")
    settings.cache_clear()
    ann = join()
    url = create(ann, LONGEST_BYTES)
    path = find_path(url.rpartition("/")[2])
    path.parent.mkdir(parents=True, exist_ok=True)
    at = LONGEST_BYTES - 3 * MIB - 1
    with path.open("wb") as file:
        file.truncate(at)
    assert offset(ann, url) == at
    answer = patch(ann, url, at, noise(MIB))
    assert answer.headers["upload-offset"] == str(at + MIB)
    assert patch(ann, url, at + MIB, noise(MIB)).headers["upload-offset"] == str(at + 2 * MIB)
    with connect() as connection:
        rows = connection.execute("SELECT max(byte_end) AS last FROM upload_chunks").fetchall()
    assert rows == [{"last": LONGEST_BYTES - 2 * MIB}]
    assert ann.http.delete(url, headers=TUS).status_code == 204


def test_what_nobody_goes_on_with_expires(join: Join) -> None:
    ann = join()
    url = create(ann, 10)
    patch(ann, url, 0, b"x")
    with connect() as connection:
        connection.execute("UPDATE uploads SET expires = now() - interval '1 s'")
    import asyncio

    from streaming.api.uploads.sweep import sweep_uploads
    from streaming.serving.database import Database

    async def run() -> None:
        database = Database()
        await database.open()
        await sweep_uploads(database)
        await database.close()

    asyncio.run(run())
    assert ann.http.head(url, headers=TUS).status_code == 410
    assert list((settings().media_path / "uploads").iterdir()) == []


def test_a_death_before_the_last_word_loses_nothing(join: Join) -> None:
    ann, data = join(), noise(2 * MIB + 100)
    url = create(ann, len(data))
    file = UploadFile(find_path(url.rpartition("/")[2]))
    file.prepare()
    file.append(data)
    file.digest(data, None)
    file.close()
    _cache.clear()
    answer = ann.http.head(url, headers=TUS)
    assert answer.headers["upload-offset"] == str(len(data))
    with connect() as connection:
        rows = connection.execute("SELECT sha256 FROM upload_chunks ORDER BY chunk_index").fetchall()
    assert [row["sha256"] for row in rows] == [
        hashlib.sha256(data[start : start + MIB]).hexdigest() for start in range(0, len(data), MIB)
    ]
    assert (
        ann.http.get(answer.headers["content-location"]).json()["sha256"] == hashlib.sha256(data).hexdigest()
    )


@pytest.fixture
def program(database_url: str, home: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Starts `python -m streaming.api`; its process and URL."""
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "streaming.api", "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().split()[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_no_acknowledged_byte_is_lost_when_the_server_is_killed(
    program: Callable[[], tuple[subprocess.Popen[str], str]],
) -> None:
    data, acknowledged, url, headers = noise(8 * MIB), 0, "", {}
    for piece in range(3):
        process, server = program()
        with httpx.Client(base_url=server) as client:
            if not url:
                login = {"user_name": "ann", "password": "correct horse"}
                client.post("/v1/users", json=login)
                token = client.post("/v1/sessions", json=login).json()["access_token"]
                headers = {"Authorization": f"Bearer {token}"}
                made = client.post("/v1/uploads", headers=TUS | headers | {"Upload-Length": str(len(data))})
                url = made.headers["location"]
            at = int(client.head(url, headers=TUS | headers).headers["upload-offset"])
            assert at >= acknowledged
            assert client.patch(
                url, headers=OCTETS | headers | {"Upload-Offset": str(at)}, content=data[at : at + MIB + 5]
            ).is_success
            acknowledged = at + MIB + 5
            # In the middle of the next one.
            person = Person("", "", "", "", "", httpx.Client(base_url=server, headers=headers))
            with begin(
                person, url, acknowledged, MIB, data[acknowledged : acknowledged + 1000 * (piece + 1)]
            ):
                time.sleep(0.2)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
    _, server = program()
    with httpx.Client(base_url=server, headers=headers) as client:
        at = int(client.head(url, headers=TUS).headers["upload-offset"])
        assert at >= acknowledged
        done = client.patch(url, headers=OCTETS | {"Upload-Offset": str(at)}, content=data[at:])
        video = client.get(done.headers["content-location"]).json()
    assert video["sha256"] == hashlib.sha256(data).hexdigest()
    with connect() as connection:
        rows = connection.execute("SELECT sha256 FROM upload_chunks ORDER BY chunk_index").fetchall()
    assert [row["sha256"] for row in rows] == [
        hashlib.sha256(data[start : start + MIB]).hexdigest() for start in range(0, len(data), MIB)
    ]


def test_bytes_that_were_to_add_up_are_not_kept_by_a_death_in_between(join: Join) -> None:
    ann, data = join(), noise(3 * MIB)
    url = create(ann, len(data))
    assert patch(ann, url, 0, data[:MIB]).status_code == 204
    file = UploadFile(find_path(url.rpartition("/")[2]))
    file.prepare()
    file.begin_check()
    file.append(b"x" * MIB)
    file.close()
    assert offset(ann, url) == MIB
    answer = patch(ann, url, MIB, data[MIB:], **checksum("sha1", data[MIB:]))
    assert (
        ann.http.get(answer.headers["content-location"]).json()["sha256"] == hashlib.sha256(data).hexdigest()
    )
    assert list((settings().media_path / "uploads").iterdir()) == []


def test_tuspy_goes_on_where_it_was_interrupted(join: Join, tmp_path: Path) -> None:
    from tusclient.client import TusClient

    ann, data, path = join(), noise(5 * MIB), tmp_path / "film.mp4"
    path.write_bytes(data)
    client = TusClient(
        f"{ann.http.base_url}/v1/uploads", headers={"Authorization": ann.http.headers["Authorization"]}
    )
    more = {"chunk_size": MIB, "metadata": {"filename": path.name, "title": "Film"}, "upload_checksum": True}
    with path.open("rb") as stream:
        first = client.uploader(file_stream=stream, **more)
        first.upload_chunk()  # type: ignore[no-untyped-call]
        first.upload_chunk()  # type: ignore[no-untyped-call]
    with path.open("rb") as stream:
        second = client.uploader(file_stream=stream, url=first.url, **more)
        assert second.offset == 2 * MIB
        second.upload()
    answer = ann.http.head(str(first.url), headers=TUS)
    video = ann.http.get(answer.headers["content-location"]).json()
    assert (video["title"], video["sha256"]) == ("Film", hashlib.sha256(data).hexdigest())
