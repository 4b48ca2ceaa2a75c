"""Packages and thumbnails are served as players and caches need them, and nothing else is."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from stores.media import media
from tests.streaming.api.conftest import PACKAGE

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
    with socket.create_connection((api.base_url.host, api.base_url.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.replace(path.encode(), b"")


def test_thumbnails_are_served_by_name(api: httpx.Client, home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "still.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xd9")
    answer = api.get(f"/media/thumbnails/{media().publish_thumbnail(picture)}")
    assert (answer.status_code, answer.content) == (200, b"\xff\xd8\xff\xd9")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
