"""One account can't fill the disk: its videos and open uploads are counted, and the disk has a floor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from schemas.settings import settings
from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = TUS | {"Content-Type": "application/offset+octet-stream"}
QUOTA = 1_000


def create(person: Person, size_bytes: int) -> httpx.Response:
    return person.http.post("/v1/uploads", headers=TUS | {"Upload-Length": str(size_bytes)})


def read_usage(person: Person) -> tuple[int, int]:
    user = person.http.get(f"/v1/users/{person.user_id}").json()
    return user["used_bytes"], user["quota_bytes"]


@pytest.fixture
def ann(join: Join, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("NEWSREEL_QUOTA_BYTES", str(QUOTA))
    settings.cache_clear()
    return join("ann")


def test_open_uploads_are_reserved_and_given_back(ann: Person) -> None:
    first = create(ann, 600)
    assert first.status_code == 201
    assert read_usage(ann) == (600, QUOTA)
    refused = create(ann, 401)
    assert refused.status_code == 413
    assert refused.json() == {
        "type": "about:blank",
        "title": refused.json()["title"],
        "status": 413,
        "detail": "Over the quota of this account: 400 of 1000 bytes are left, 401 are needed; "
        "delete videos, or uploads that are not finished.",
    }
    assert create(ann, 400).status_code == 201
    assert create(ann, 1).status_code == 413
    assert ann.http.delete(first.headers["location"], headers=TUS).status_code == 204
    assert read_usage(ann) == (400, QUOTA)


def test_a_finished_upload_counts_once_and_a_deleted_video_no_more(ann: Person) -> None:
    location = create(ann, 700).headers["location"]
    done = ann.http.patch(location, headers=OCTETS | {"Upload-Offset": "0"}, content=b"x" * 700)
    assert done.status_code == 204
    assert read_usage(ann) == (700, QUOTA)
    assert create(ann, 301).status_code == 413
    assert ann.http.delete(done.headers["content-location"]).status_code == 204
    assert read_usage(ann) == (0, QUOTA)
    assert create(ann, QUOTA).status_code == 201


def test_creations_at_the_same_time_do_not_pass_it_together(ann: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: create(ann, 300), range(8))]
    assert sorted(statuses) == [201] * 3 + [413] * 5
    assert read_usage(ann) == (900, QUOTA)


def test_the_quota_is_the_owners_own_matter(ann: Person, join: Join) -> None:
    bob = join("bob")
    assert create(ann, QUOTA).status_code == 201
    assert create(bob, QUOTA).status_code == 201
    assert "used_bytes" not in bob.http.get(f"/v1/users/{ann.user_id}").json()


def test_no_quota_refuses_nothing(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_QUOTA_BYTES", "0")
    settings.cache_clear()
    assert create(ann, QUOTA + 1).status_code == 201
    assert read_usage(ann) == (QUOTA + 1, 0)


def test_below_the_floor_uploads_are_507_and_reads_and_deletes_go_on(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = create(ann, 700).headers["location"]
    kept = ann.http.patch(location, headers=OCTETS | {"Upload-Offset": "0"}, content=b"x" * 100)
    assert kept.status_code == 204
    monkeypatch.setenv("NEWSREEL_FREE_SPACE_BYTES", str(1 << 60))
    settings.cache_clear()
    refused = create(ann, 10)
    assert (refused.status_code, refused.json()["detail"]) == (
        507,
        "Too little free space on the server; retry later.",
    )
    more = ann.http.patch(location, headers=OCTETS | {"Upload-Offset": "100"}, content=b"x" * 600)
    assert more.status_code == 507
    assert ann.http.head(location, headers=TUS).headers["upload-offset"] == "100"
    assert read_usage(ann) == (700, QUOTA)
    monkeypatch.setenv("NEWSREEL_FREE_SPACE_BYTES", "0")
    settings.cache_clear()
    done = ann.http.patch(location, headers=OCTETS | {"Upload-Offset": "100"}, content=b"x" * 600)
    assert done.status_code == 204
    with connect() as connection:
        [video] = connection.execute("SELECT size_bytes, sha256 FROM videos").fetchall()
    assert video == {"size_bytes": 700, "sha256": hashlib.sha256(b"x" * 700).hexdigest()}
