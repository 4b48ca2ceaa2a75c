"""Packages and thumbnails are served as players and caches need them, and nothing else is."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from stores.media import media
from streaming.api.videos import media_access
from streaming.serving.signed_tokens import sign
from tests.streaming.conftest import PACKAGE, Person, publish_package, served

SEGMENT = PACKAGE["0a1b/1.m4s"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("manifest.mpd", "application/dash+xml"),
        ("0a1b/init.mp4", "video/mp4"),
        ("0a1b/1.m4s", "video/iso.segment"),
        ("odd.bin", "application/octet-stream"),
    ],
)
def test_files_come_whole_with_their_type_and_for_ever(
    api: httpx.Client, package: str, name: str, content_type: str
) -> None:
    answer = api.get(f"/media/packages/{package}/{name}")
    assert answer.status_code == 200
    assert answer.content == PACKAGE[name]
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=255990-", 255_990, 256_000),
        ("bytes=-10", 255_990, 256_000),
    ],
)
def test_ranges_come_exactly(api: httpx.Client, package: str, asked: str, start: int, end: int) -> None:
    answer = api.get(f"/media/packages/{package}/0a1b/1.m4s", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SEGMENT)}"
    assert answer.content == SEGMENT[start:end]


def test_a_range_past_the_end_cannot_be_met(api: httpx.Client, package: str) -> None:
    answer = api.get(f"/media/packages/{package}/0a1b/1.m4s", headers={"Range": "bytes=256000-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */256000"
    assert "immutable" not in answer.headers["cache-control"]


def test_head_tells_the_size_alone(api: httpx.Client, package: str) -> None:
    answer = api.head(f"/media/packages/{package}/0a1b/1.m4s")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "256000", b"")


def test_who_has_it_is_not_sent_it_again(api: httpx.Client, package: str) -> None:
    address = f"/media/packages/{package}/master.m3u8"
    etag = api.get(address).headers["etag"]
    again = api.get(address, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert api.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_players_on_other_pages_may_read_media(api: httpx.Client, package: str) -> None:
    address = f"/media/packages/{package}/0a1b/1.m4s"
    origin = {"Origin": "https://player.example"}
    answer = api.get(address, headers=origin | {"Range": "bytes=0-9"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    assert api.options(address, headers=origin | asked).status_code == 200
    assert "access-control-allow-origin" not in api.get("/healthz", headers=origin).headers


@pytest.mark.parametrize(
    "path",
    [
        "/media/packages/{digest}/nothing.m4s",
        "/media/packages/{digest}/",
        "/media/packages/{digest}/0a1b",
        "/media/packages/{digest}/../../secret.txt",
        "/media/packages/{digest}/../../secret.txt%00.m4s",
        "/media/packages/{digest}/..%2f..%2fsecret.txt",
        "/media/packages/{digest}/%2e%2e/%2e%2e/secret.txt",
        "/media/packages/{digest}/0a1b/../../../secret.txt",
        "/media/packages/{digest}/0a1b//1.m4s",
        "/media/packages/{digest}/%2fetc%2fpasswd",
        "/media/packages/{digest}//etc/passwd",
        "/media/packages/{digest}/.hidden",
        "/media/packages/{digest}/link.txt",
        "/media/packages/{digest}/..\\..\\secret.txt",
        "/media/packages/{digest}/master.m3u8%0a",
        "/media/packages/../secret.txt",
        "/media/packages/%2e%2e/secret.txt",
        "/media/packages/" + "0" * 64 + "/master.m3u8",
        "/media/packages/" + "Z" * 64 + "/master.m3u8",
        "/media/thumbnails/../secret.txt",
        "/media/thumbnails/..%2fsecret.txt",
        "/media/thumbnails/" + "0" * 64 + ".jpg",
        "/media/secret.txt",
    ],
)
def test_no_path_leads_anywhere_else(api: httpx.Client, package: str, home: Path, path: str) -> None:
    secret = home / "media" / "secret.txt"
    secret.write_text("secret")
    folder = media().package_path(package)
    (folder / ".hidden").write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    status, answer = ask_verbatim(api, path.format(digest=package))
    assert status == 404
    assert b"secret" not in answer
    assert str(home).encode() not in answer


def ask_verbatim(api: httpx.Client, path: str) -> tuple[int, bytes]:
    """Status and body of GET `path`, sent as it is: httpx would tidy it first."""
    with socket.create_connection((api.base_url.host, api.base_url.port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.replace(path.encode(), b"")


def test_thumbnails_are_served_by_name(
    api: httpx.Client, add_video: Callable[..., str], tmp_path: Path
) -> None:
    url = thumbnail_url(tmp_path)
    assert api.get(url).status_code == 404, "no video shows it"
    add_video(thumbnail_url=url)
    with served() as other, httpx.Client(base_url=other) as elsewhere:
        answer = elsewhere.get(url)
    assert (answer.status_code, answer.content) == (200, b"\xff\xd8\xff\xd9")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def thumbnail_url(folder: Path) -> str:
    picture = folder / "still.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xd9")
    return f"/media/thumbnails/{media().publish_thumbnail(picture)}"


@pytest.mark.parametrize("visibility", ["unlisted", "private"])
def test_media_of_a_video_that_is_not_public_need_a_token(
    api: httpx.Client,
    join: Callable[..., Person],
    add_video: Callable[..., str],
    tmp_path: Path,
    visibility: str,
) -> None:
    ann, digest = join(), publish_package()
    video_id = add_video(
        uploader_id=ann.user_id, package=digest, visibility=visibility, thumbnail_url=thumbnail_url(tmp_path)
    )
    assert api.get(f"/media/packages/{digest}/master.m3u8").status_code == 404
    video = ann.http.get(f"/v1/videos/{video_id}").json()
    manifest = httpx.URL(video["playback"]["hls"])
    answer = api.get(str(manifest))
    assert answer.content == PACKAGE["master.m3u8"]
    assert re.fullmatch(r"private, max-age=\d+", answer.headers["cache-control"])
    assert api.get(str(manifest.join("0a1b/1.m4s"))).content == SEGMENT, "what a manifest names plays too"
    assert api.get(video["thumbnail_url"]).status_code == 200
    again = ann.http.get(f"/v1/videos/{video_id}").json()
    assert again["playback"] == video["playback"], "an answer can be cached"


def test_a_token_opens_what_it_was_made_for_and_for_its_time(
    api: httpx.Client, join: Callable[..., Person], add_video: Callable[..., str]
) -> None:
    ann, digest = join(), publish_package()
    video_id = add_video(uploader_id=ann.user_id, package=digest, visibility="private")
    later = time.time() + 60

    def token(
        holder: str = ann.user_id, of: str = video_id, until_s: float = later, purpose: str = "media"
    ) -> str:
        return sign(purpose, f"user/{holder}/{of}", until_s)

    good = token()
    for given, status in (
        (good, 200),
        (token(until_s=time.time() - 1), 403),
        (token(purpose="share"), 403),
        (token(holder="somebody"), 404),
        (token(of="unknown"), 404),
        (good[:-1], 403),
        (good[:-1] + ("A" if good[-1] != "A" else "B"), 403),
        (good + "=", 403),
        ("x", 403),
        ("%C3%A4", 403),
    ):
        answer = api.get(f"/media/signed/{given}/packages/{digest}/master.m3u8")
        assert answer.status_code == status, given
    other = "/media/signed/{}/packages/{}/master.m3u8".format(good, "0" * 64)
    assert api.get(other).status_code == 403


def test_media_of_a_video_that_is_taken_down_go_with_it(
    api: httpx.Client,
    join: Callable[..., Person],
    add_video: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert media_access.CACHED_S <= 5
    monkeypatch.setattr(media_access, "CACHED_S", 0.0)
    ann, digest = join(), publish_package()
    video_id = add_video(uploader_id=ann.user_id, package=digest)
    signed = f"/media/signed/{sign('media', f'user/{ann.user_id}/{video_id}', time.time() + 60)}"
    for prefix in ("/media", signed):
        assert api.get(f"{prefix}/packages/{digest}/master.m3u8").status_code == 200
    add_video(uploader_id=ann.user_id, package=digest, status="removed")
    for prefix in ("/media", signed):
        assert api.get(f"{prefix}/packages/{digest}/master.m3u8").status_code == 404
