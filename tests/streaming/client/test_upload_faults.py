"""Uploads to a server that fails, of files that change: nothing is lost, nothing wrong becomes a video."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from schemas.errors import DependencyError, InputError
from streaming.client import upload
from streaming.client.session import ApiClient
from streaming.client.upload import Uploaded, upload_file
from tests.streaming.client.faulty_tus import CUT, FaultyTus, faulty_tus

PIECE = 1000
BYTES = bytes(range(250)) * 10  # two pieces and a half


def token_of(user_id: str, what: str = "") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user_id, "n": what}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


@pytest.fixture
def tus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyTus]:
    monkeypatch.setattr(upload, "PIECE_BYTES", PIECE)
    monkeypatch.setenv("NEWSREEL_TOKEN", token_of("ann"))
    with faulty_tus() as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that this thread makes, each of which takes no time and counts as if it had.

    Threads that libraries have started in earlier tests pause as ever.
    """
    made: list[float] = []
    ours, begun_s, sleep, monotonic = threading.get_ident(), time.monotonic(), time.sleep, time.monotonic

    def sleeps(seconds: float) -> None:
        (made.append if threading.get_ident() == ours else sleep)(seconds)

    def advance() -> float:
        return begun_s + sum(made) if threading.get_ident() == ours else monotonic()

    monkeypatch.setattr(time, "sleep", sleeps)
    monkeypatch.setattr(time, "monotonic", advance)
    return made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(BYTES)
    return path


def bring(tus: FaultyTus, home: Path, path: Path, on_progress: upload.OnProgress | None = None) -> Uploaded:
    with ApiClient(home, tus.url) as client:
        return upload_file(client, home, path, "One", None, on_progress or (lambda done, total, label: None))


def interrupt(tus: FaultyTus, home: Path, path: Path) -> None:
    """An upload that Ctrl-C ends after its first piece."""

    def stop(done: int, total: int, label: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(tus, home, path, stop)


@pytest.mark.parametrize("status", [423, 503])
def test_a_busy_server_is_asked_again(
    status: int, tus: FaultyTus, home: Path, film: Path, pauses: list[float]
) -> None:
    tus.faults = [("POST", status, {}), ("PATCH", status, {}), ("PATCH", status, {}), ("HEAD", status, {})]
    assert bring(tus, home, film) == Uploaded("v1", "/v1/uploads/1", len(BYTES), 0)
    assert tus.uploads["/v1/uploads/1"] == BYTES
    assert len(pauses) == 4


def test_a_cut_connection_goes_on_with_what_arrived(
    tus: FaultyTus, home: Path, film: Path, pauses: list[float]
) -> None:
    tus.faults = [("PATCH", CUT, {})] * 2
    assert bring(tus, home, film).video_id == "v1"
    assert tus.uploads["/v1/uploads/1"] == BYTES


def test_retry_after_is_honoured(tus: FaultyTus, home: Path, film: Path, pauses: list[float]) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    tus.faults = [("PATCH", 503, {"Retry-After": "30"}), ("PATCH", 503, {"Retry-After": at})]
    bring(tus, home, film)
    assert pauses[0] == 30
    assert 35 < pauses[1] <= 40


def test_patience_ends_and_what_is_there_stays(
    tus: FaultyTus, home: Path, film: Path, pauses: list[float]
) -> None:
    interrupt(tus, home, film)
    tus.faults = [("PATCH", 503, {})] * 500
    with pytest.raises(DependencyError, match="run the command again to resume"):
        bring(tus, home, film)
    assert 60 < sum(pauses) <= 120
    tus.faults.clear()
    assert bring(tus, home, film).resumed_at_bytes == PIECE


def test_patience_begins_anew_with_every_byte_that_gets_through(
    tus: FaultyTus, home: Path, film: Path, pauses: list[float]
) -> None:
    for _ in range(5):
        tus.faults += [("PATCH", 503, {"Retry-After": "50"}), ("PATCH", CUT, {})]
    bring(tus, home, film)
    assert sum(pauses) > 240
    assert tus.uploads["/v1/uploads/1"] == BYTES


@pytest.mark.parametrize("status", [404, 410])
def test_an_address_that_is_gone_is_replaced(status: int, tus: FaultyTus, home: Path, film: Path) -> None:
    interrupt(tus, home, film)
    tus.faults = [("HEAD", status, {})]
    assert bring(tus, home, film) == Uploaded("v1", "/v1/uploads/2", len(BYTES), 0)


def test_an_upload_that_ends_on_its_way_is_told(tus: FaultyTus, home: Path, film: Path) -> None:
    tus.faults = [("PATCH", 410, {})]
    with pytest.raises(DependencyError, match="run the command again to start over"):
        bring(tus, home, film)
    assert bring(tus, home, film).upload_url == "/v1/uploads/2"


def test_a_server_that_is_away_is_told_at_once(
    tus: FaultyTus, home: Path, film: Path, pauses: list[float]
) -> None:
    with (
        ApiClient(home, "http://127.0.0.1:9") as client,
        pytest.raises(DependencyError, match="does not answer"),
    ):
        upload_file(client, home, film, "One", None, lambda done, total, label: None)
    assert pauses == []


@pytest.mark.parametrize("content", [BYTES + b"more", BYTES[:1500], b""], ids=["longer", "shorter", "empty"])
@pytest.mark.timeout(120)
def test_a_file_that_changes_becomes_no_video(content: bytes, tus: FaultyTus, home: Path, film: Path) -> None:
    def change(done: int, total: int, label: str) -> None:
        if done == 2 * PIECE:  # the last piece is still to come
            film.write_bytes(content)

    with pytest.raises(InputError, match="changed"):
        bring(tus, home, film, change)
    assert len(tus.uploads["/v1/uploads/1"]) < len(BYTES)
    assert list((home / "uploads").iterdir()) == []


@pytest.mark.timeout(120)
def test_a_file_that_ends_early_does_not_go_on_for_ever(tus: FaultyTus, home: Path, tmp_path: Path) -> None:
    """One that is longer than what Python reads ahead, so that its end is met."""
    path = tmp_path / "long.mp4"
    path.write_bytes(bytes(40 * PIECE))

    def cut(done: int, total: int, label: str) -> None:
        if done == 2 * PIECE:
            path.write_bytes(bytes(3 * PIECE))

    with pytest.raises(InputError, match="changed"):
        bring(tus, home, path, cut)


def test_a_file_that_is_removed_is_told(tus: FaultyTus, home: Path, film: Path) -> None:
    with pytest.raises(InputError, match="changed"):
        bring(tus, home, film, lambda done, total, label: film.unlink(missing_ok=True))


def test_somebody_else_has_an_upload_of_their_own(
    tus: FaultyTus, home: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(tus, home, film)
    monkeypatch.setenv("NEWSREEL_TOKEN", token_of("bob"))
    assert bring(tus, home, film).upload_url == "/v1/uploads/2"
    monkeypatch.setenv("NEWSREEL_TOKEN", token_of("ann", "her next token"))
    assert bring(tus, home, film) == Uploaded("v1", "/v1/uploads/1", len(BYTES), PIECE)
