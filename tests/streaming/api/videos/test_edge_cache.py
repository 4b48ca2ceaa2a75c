"""Edge caching: immutable media may be cached, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from streaming.api.videos import media as media_routes
from streaming.serving.signed_tokens import sign
from tests.streaming.api.videos.test_media import thumbnail_url
from tests.streaming.conftest import PACKAGE, Person, publish_package

FOR_EVER = "public, max-age=31536000, immutable"
ASKED_AGAIN = ("no-cache", "no-store", "private, no-store")


@pytest.fixture
def addresses(add_video: Callable[..., str], tmp_path: Path) -> dict[str, list[str]]:
    """Addresses of every route under `/media`, by the route's name, of one public video."""
    digest, picture = publish_package(), thumbnail_url(tmp_path)
    video_id = add_video(uploader_id="u", package=digest, thumbnail_url=picture)
    signed = f"/media/signed/{sign('media', f'user/u/{video_id}', time.time() + 600)}"
    return {
        "package": [f"/media/packages/{digest}/{name}" for name in PACKAGE],
        "thumbnail": [picture],
        "signed package": [f"{signed}/packages/{digest}/{name}" for name in PACKAGE],
        "signed thumbnail": [picture.replace("/media", signed, 1)],
    }


def test_every_address_of_media_says_how_long_it_may_be_kept(
    api: httpx.Client, addresses: dict[str, list[str]]
) -> None:
    assert set(addresses) == {route.name for route in media_routes.routes}
    for route, ones in addresses.items():
        for address in ones:
            whole = api.get(address)
            held = {"If-None-Match": whole.headers["etag"]}
            answers = [
                whole,
                api.head(address),
                api.get(address, headers={"Range": "bytes=0-1"}),
                api.get(address, headers=held),
            ]
            assert [answer.status_code for answer in answers] == [200, 200, 206, 304], address
            for answer in answers:
                kept = answer.headers["cache-control"]
                if route.startswith("signed"):
                    scope, _, age = kept.partition(", max-age=")
                    assert (scope, 0 < int(age) <= 600) == ("private", True), address
                else:
                    assert kept == FOR_EVER, address
                assert "set-cookie" not in answer.headers
                assert answer.headers["vary"] == "Origin", "every request's, but for other origins"


def test_one_etag_and_the_same_bytes_with_and_without_a_token(
    api: httpx.Client, addresses: dict[str, list[str]]
) -> None:
    for plain, signed in (("package", "signed package"), ("thumbnail", "signed thumbnail")):
        for one, other in zip(addresses[plain], addresses[signed], strict=True):
            first, second = api.get(one), api.get(other)
            assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])


def test_a_refusal_of_media_is_kept_by_nobody(api: httpx.Client, addresses: dict[str, list[str]]) -> None:
    nothing = "0" * 64
    for address, status in (
        (f"/media/packages/{nothing}/master.m3u8", 404),
        (f"/media/thumbnails/{nothing}.jpg", 404),
        (f"{addresses['package'][0]}.gone", 404),
        (f"/media/signed/x/packages/{nothing}/master.m3u8", 403),
        ("/media/signed/x/thumbnails/x.jpg", 403),
    ):
        answer = api.get(address)
        assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-cache"), address


def test_nothing_but_media_is_kept_without_asking(
    api: httpx.Client, join: Callable[..., Person], add_video: Callable[..., str]
) -> None:
    ann = join()
    video_id = add_video(uploader_id=ann.user_id)
    paths = [path for path, ways in api.get("/openapi.json").json()["paths"].items() if "get" in ways]
    assert "/v1/videos/{video_id}" in paths
    paths += ["/openapi.json", "/static/watch.js", "/watch/{video_id}", "/s/x", "/nothing"]
    for path in paths:
        address = path.replace("{video_id}", video_id).replace("{user_id}", ann.user_id)
        for client in (api, ann.http):
            answer = client.get(address)
            assert answer.headers["cache-control"] in ASKED_AGAIN, (address, answer.status_code)


def test_a_public_video_is_one_answer_for_everybody_and_another_one_is_not(
    api: httpx.Client, join: Callable[..., Person], add_video: Callable[..., str]
) -> None:
    """There is no `Vary: Authorization`, so that a shared cache may hold what nobody's token has changed."""
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id, package='a' * 64)}"
    to_all, to_ann = api.get(path), ann.http.get(path)
    assert (to_all.content, to_all.headers["etag"]) == (to_ann.content, to_ann.headers["etag"])
    assert ann.http.patch(path, json={"visibility": "private"}).status_code == 200
    held = {"If-None-Match": to_all.headers["etag"]}
    assert api.get(path, headers=held).status_code == 404
    assert ann.http.get(path, headers=held).status_code == 200
