"""A real uvicorn on a free port, in front of a real PostgreSQL and a real media store."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from stores.media import media
from stores.outbox import upsert_row
from stores.postgres import connect
from streaming.api.app import create_app
from streaming.serving.server import Server, listen
from tests.databases import Databases, Spares

START_TIMEOUT_S = 120
REQUEST_TIMEOUT_S = 60.0

PACKAGE = {
    "master.m3u8": b"#EXTM3U\n",
    "manifest.mpd": b"<MPD/>\n",
    "0a1b/init.mp4": b"ftyp",
    "0a1b/1.m4s": bytes(range(256)) * 1000,
    "odd.bin": b"?",
}
"""Files of a package, small but for one segment."""


@pytest.fixture(scope="package")
def databases(databases: Databases) -> Iterator[Spares]:
    """The next one is made while a test has its own: most of these tests take less time than that."""
    with Spares(databases) as spares:
        yield spares


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    """A client of the served API, on a database of its own; it sends no token."""
    with served() as url, httpx.Client(base_url=url, timeout=REQUEST_TIMEOUT_S) as client:
        yield client


@contextmanager
def served() -> Iterator[str]:
    """The API of the settings that hold now, on a free port; its URL."""
    listener = listen("127.0.0.1", 0)
    server = Server(create_app())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not server.started and time.monotonic() < deadline_s:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass(frozen=True)
class Person:
    """Somebody with an account and an open session; `http` sends their token."""

    user_id: str
    user_name: str
    password: str
    access_token: str
    refresh_token: str
    http: httpx.Client


@pytest.fixture
def join(api: httpx.Client) -> Iterator[Callable[..., Person]]:
    """Signs somebody up and in."""
    with ExitStack() as clients:

        def sign_up(user_name: str = "", password: str = "correct horse", **more: Any) -> Person:
            user_name = user_name or f"user-{uuid.uuid4().hex[:8]}"
            made = api.post("/v1/users", json={"user_name": user_name, "password": password, **more})
            assert made.status_code == 201, made.text
            opened = api.post("/v1/sessions", json={"user_name": user_name, "password": password})
            assert opened.status_code == 201, opened.text
            tokens = opened.json()
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            client = clients.enter_context(
                httpx.Client(base_url=api.base_url, headers=headers, timeout=REQUEST_TIMEOUT_S)
            )
            return Person(
                made.json()["user_id"],
                user_name,
                password,
                tokens["access_token"],
                tokens["refresh_token"],
                client,
            )

        yield sign_up


@pytest.fixture
def package(add_video: Callable[..., str]) -> str:
    """The digest of a package that holds `PACKAGE`, and that a public video of somebody shows."""
    digest = publish_package()
    add_video(video_id="v-package", package=digest)
    return digest


def publish_package() -> str:
    """Publish a package that holds `PACKAGE`; its digest."""
    with media().staging() as staging:
        folder = staging / "package"
        for name, content in PACKAGE.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return media().publish_package(folder)


@pytest.fixture
def add_video(database_url: str) -> Callable[..., str]:
    """Writes a row of `videos`; arguments replace its columns. Returns the id."""

    def add(**columns: Any) -> str:
        row = {
            "video_id": "v-1",
            "title": "Big Buck Bunny",
            "uploader_id": "u-1",
            "status": "ready",
            "sha256": "0" * 64,
            "created": datetime(2026, 11, 22, tzinfo=UTC),
        } | columns
        key = {"video_id": row.pop("video_id")}
        with connect() as connection:
            upsert_row(connection, "videos", key, row)
        return str(key["video_id"])

    return add
