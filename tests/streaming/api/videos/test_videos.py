"""Videos: the fields that were agreed, changed by their uploader alone, and gone with all that hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stores.postgres import connect
from tests.streaming.conftest import Person, publish_package, served

Join = Callable[..., Person]
AddVideo = Callable[..., str]
FIELDS = {
    "video_id", "title", "description", "size_bytes", "thumbnail_url", "uploader_id", "likes", "dislikes", "views",
    "status", "reasons", "visibility", "sha256", "duration_s", "created", "playback",
}  # fmt: skip


def test_a_public_video_is_told_to_everybody(api: httpx.Client, add_video: AddVideo) -> None:
    digest = publish_package()
    answer = api.get(f"/v1/videos/{add_video(package=digest)}")
    assert answer.status_code == 200
    video = answer.json()
    assert video.keys() == FIELDS
    assert video["created"] == "2026-11-22T00:00:00Z"
    assert video["playback"]["hls"] == f"/media/packages/{digest}/master.m3u8"
    assert api.get(video["playback"]["dash"]).status_code == 200


def test_who_has_it_is_not_sent_it_again_until_it_changes(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}"
    etag = api.get(path).headers["etag"]
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert ann.http.patch(path, json={"title": "Another"}).status_code == 200
    fresh = api.get(path, headers={"If-None-Match": etag})
    assert (fresh.status_code, fresh.json()["title"]) == (200, "Another")


def test_a_change_on_one_server_is_seen_on_another(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}"
    with served() as url, httpx.Client(base_url=url) as elsewhere:
        assert elsewhere.get(path).status_code == 200
        ann.http.patch(path, json={"visibility": "private"})
        for _ in range(100):
            if (status := elsewhere.get(path).status_code) == 404:
                break
        assert status == 404


def test_fields_that_are_not_theirs_to_change_are_never_applied(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}"
    before = api.get(path).json()
    body = {"title": "B", "likes": 7, "status": "removed", "uploader_id": "x", "video_id": "y", "odd": 1}
    after = ann.http.patch(path, json=body).json()
    assert after == before | {"title": "B"}


@pytest.mark.parametrize(
    "wrong",
    [{"title": ""}, {"title": None}, {"title": "x" * 501}, {"title": "a\x00"},
     {"visibility": "odd"}, {"visibility": None}, {"description": 5}],
)  # fmt: skip
def test_wrong_fields_change_nothing(api: httpx.Client, join: Join, add_video: AddVideo, wrong: Any) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}"
    before = api.get(path).json()
    assert ann.http.patch(path, json={"description": "new", **wrong}).status_code == 422
    assert api.get(path).json() == before


def test_a_deleted_video_is_gone_with_what_people_did(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann, bob = join(), join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}"
    bob.http.put(f"{path}/reaction", json={"kind": "like"})
    bob.http.post(f"{path}/comments", json={"text": "Good."})
    bob.http.post(f"{path}/views", json={"session_id": "s", "watched_s": 1})
    bob.http.post(f"{path}/shares", json={"expires_in_s": 60})
    assert bob.http.delete(path).status_code == 403
    assert ann.http.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert bob.http.post(f"{path}/comments", json={"text": "Good."}).status_code == 404
    with connect() as connection:
        for table in ("videos", "reactions", "comments", "views", "shares"):
            [row] = connection.execute(f"SELECT count(*) AS rows FROM {table}".encode()).fetchall()
            assert row["rows"] == 0, table


@pytest.mark.parametrize("video_id", ["unknown", "%20", "x" * 65, "a'b", "%C3%A4", "a%00b", "..%2f.."])
def test_odd_ids_are_unknown(api: httpx.Client, video_id: str) -> None:
    assert api.get(f"/v1/videos/{video_id}").status_code in (404, 422)
