"""Uploads that are finished, swept, erased or out of room at the wrong moment."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from schemas.errors import StorageError
from stores.postgres import connect
from streaming.api.uploads import sweep
from streaming.api.uploads.file import UploadFile, find_offset
from streaming.api.uploads.rows import find_path
from streaming.serving.database import Database
from tests.streaming.api.uploads.test_uploads import MIB, TUS, checksum, create, noise, offset, patch
from tests.streaming.conftest import Person

Join = Callable[..., Person]


def test_two_who_finish_the_same_upload_make_one_video(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, data = join(), noise(MIB + 5)
    url = create(ann, len(data))
    path = find_path(url.rpartition("/")[2])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    first: list[str] = []

    def late(asked: Path) -> int:
        found = find_offset(asked)
        if not first:
            first.append("")
            first[0] = ann.http.head(url, headers=TUS).headers["content-location"]
        return found

    monkeypatch.setattr("streaming.api.uploads.uploads.find_offset", late)
    assert ann.http.head(url, headers=TUS).headers["content-location"] == first[0]
    with connect() as connection:
        rows = connection.execute("SELECT sha256 FROM videos").fetchall()
    assert [row["sha256"] for row in rows] == [hashlib.sha256(data).hexdigest()]
    assert not path.exists()


def test_an_account_that_goes_while_it_uploads_leaves_nothing(api: httpx.Client, join: Join) -> None:
    ann, data = join(), noise(2 * MIB)
    url = create(ann, len(data))
    head = "\r\n".join(
        (
            f"PATCH {url} HTTP/1.1",
            "Host: here",
            f"Authorization: Bearer {ann.access_token}",
            "Tus-Resumable: 1.0.0",
            "Content-Type: application/offset+octet-stream",
            "Upload-Offset: 0",
            f"Content-Length: {len(data)}",
            "\r\n",
        )
    )
    with socket.create_connection((api.base_url.host, api.base_url.port or 80)) as writer:
        writer.settimeout(60)
        writer.sendall(head.encode() + data[:MIB])
        deadline_s = time.monotonic() + 60
        while not find_path(url.rpartition("/")[2]).exists() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert ann.http.delete(f"/v1/users/{ann.user_id}").status_code == 204
        writer.sendall(data[MIB:])
        assert writer.recv(1000).startswith(b"HTTP/1.1 404 ")
    with connect() as connection:
        for table in ("videos", "uploads", "upload_chunks"):
            assert connection.execute(f"SELECT FROM {table}".encode()).fetchall() == []


def test_what_is_gone_on_with_does_not_expire(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = join()
    url = create(ann, 10)
    with connect() as connection:
        connection.execute("UPDATE uploads SET expires = now() - interval '1 minute'")

    def late(path: Path) -> UploadFile:
        assert patch(ann, url, 0, b"12345").status_code == 204
        return UploadFile(path)

    monkeypatch.setattr(sweep, "UploadFile", late)

    async def run() -> None:
        database = Database()
        await database.open()
        await sweep.sweep_uploads(database)
        await database.close()

    asyncio.run(run())
    assert offset(ann, url) == 5


def test_a_full_disk_is_507_and_holds_no_unchecked_byte(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, data = join(), noise(3 * MIB)
    url = create(ann, len(data))
    real = UploadFile.append

    def full(file: UploadFile, block: bytes) -> None:
        if file.offset >= 2 * MIB:
            raise StorageError("no room")
        real(file, block)

    monkeypatch.setattr(UploadFile, "append", full)
    assert patch(ann, url, 0, data, **checksum("sha256", data)).status_code == 507
    assert find_path(url.rpartition("/")[2]).stat().st_size == 0
    assert offset(ann, url) == 0
    assert patch(ann, url, 0, data).status_code == 507
    kept = offset(ann, url)
    assert kept >= 2 * MIB
    monkeypatch.undo()


def test_a_note_that_cannot_be_written_is_a_full_disk(join: Join) -> None:
    ann = join()
    url = create(ann, 5)
    note = find_path(url.rpartition("/")[2]).with_suffix(".unchecked")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.symlink_to(note.parent / "missing" / "note")
    assert patch(ann, url, 0, b"12345", **checksum("sha256", b"12345")).status_code == 507


def test_a_compressed_body_is_refused(join: Join) -> None:
    ann = join()
    url = create(ann, 5)
    assert patch(ann, url, 0, b"12345", **{"Content-Encoding": "gzip"}).status_code == 415
    assert offset(ann, url) == 0
