"""A real uvicorn on a free port, in front of a real PostgreSQL and a real media store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from stores.media import media
from stores.outbox import change
from stores.postgres import connect
from streaming.api.__main__ import listen
from streaming.api.app import create_app

START_TIMEOUT_S = 10

PACKAGE = {
    "master.m3u8": b"#EXTM3U\n",
    "manifest.mpd": b"<MPD/>\n",
    "0a1b/init.mp4": b"ftyp",
    "0a1b/1.m4s": bytes(range(256)) * 1000,
    "odd.bin": b"?",
}
"""Files of a package, small but for one segment."""


@pytest.fixture(scope="session")
def api() -> Iterator[httpx.Client]:
    """A client of the served API, which reads the settings that hold when it is asked."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not server.started and time.monotonic() < deadline_s:
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        yield client
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def package(home: Path) -> str:
    """The digest of a published package that holds `PACKAGE`."""
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
            change(connection, "videos", key, row)
        return str(key["video_id"])

    return add
