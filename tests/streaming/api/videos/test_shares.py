"""Share links: their holders may watch until they expire or are revoked."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from schemas.settings import settings
from stores.postgres import connect
from streaming.api.videos import media_access
from streaming.serving.signed_tokens import sign
from tests.streaming.conftest import Person, publish_package

Join = Callable[..., Person]
AddVideo = Callable[..., str]


def create_share(person: Person, video_id: str, expires_in_s: float = 60) -> dict[str, str]:
    answer = person.http.post(f"/v1/videos/{video_id}/shares", json={"expires_in_s": expires_in_s})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_the_page_plays_and_tells_other_sites_what_it_is(
    api: httpx.Client, join: Join, add_video: AddVideo, visibility: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREEL_PUBLIC_URL", str(api.base_url))
    settings.cache_clear()
    ann = join()
    video_id = add_video(
        uploader_id=ann.user_id, package=publish_package(), visibility=visibility, title='A "B" <C>',
        thumbnail_url="/media/thumbnails/" + "0" * 64 + ".jpg",
    )  # fmt: skip
    page = api.get(create_share(ann, video_id)["url"])
    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    told = dict(re.findall(r'<meta property="(og:[a-z:_]+)" content="([^"]*)"', page.text))
    assert html.unescape(told["og:title"]) == 'A "B" <C>'
    assert told["og:type"] == "video.other"
    assert told["og:url"] == str(page.url)
    assert told["og:image"].startswith(f"{api.base_url}/media/")
    assert api.get(told["og:video"]).text == "#EXTM3U\n"
    for attribute in ("data-hls", "data-dash"):
        address = re.search(rf'{attribute}="([^"]+)"', page.text)
        assert address
        assert api.get(address[1]).status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]


def test_a_link_never_leads_where_the_request_says_that_it_came_from(join: Join, add_video: AddVideo) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id, package=publish_package())}/shares"
    foreign = {"Host": "elsewhere.example"}
    url = ann.http.post(path, json={"expires_in_s": 60}, headers=foreign).json()["url"]
    assert url.startswith("/s/")
    page = ann.http.get(url, headers=foreign)
    assert page.status_code == 200
    assert "elsewhere" not in page.text


def test_an_altered_an_expired_and_a_revoked_link_do_not_work(
    api: httpx.Client, join: Join, add_video: AddVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = join()
    video_id = add_video(package=publish_package())
    share = create_share(ann, video_id)
    assert api.get(share["url"][:-1]).status_code == 403
    assert api.get(f"/s/{sign('media', share['share_id'], time.time() + 60)}").status_code == 403
    assert api.get(f"/s/{sign('share', share['share_id'], time.time() - 1)}").status_code == 410
    manifest = re.search(r'data-hls="([^"]+)"', api.get(share["url"]).text)
    assert manifest
    assert api.get(manifest[1]).status_code == 200
    assert join().http.delete(f"/v1/videos/{video_id}/shares/{share['share_id']}").status_code == 404
    assert ann.http.delete(f"/v1/videos/{video_id}/shares/{share['share_id']}").status_code == 204
    assert api.get(share["url"]).status_code == 404
    monkeypatch.setattr(media_access, "CACHED_S", 0.0)
    assert api.get(manifest[1]).status_code == 404, "what the page played goes with it"


def test_a_link_lives_as_long_as_it_was_made_for(api: httpx.Client, join: Join, add_video: AddVideo) -> None:
    ann, video_id = join(), add_video(package=publish_package())
    share = create_share(ann, video_id, 1)
    deadline = time.monotonic() + 60
    while (status := api.get(share["url"]).status_code) == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status in (404, 410)


@pytest.mark.parametrize("expires_in_s", [0, 0.5, -1, 100_000_001, "x", None])
def test_a_link_lives_from_a_second_to_three_years(
    join: Join, add_video: AddVideo, expires_in_s: object
) -> None:
    path = f"/v1/videos/{add_video()}/shares"
    assert join().http.post(path, json={"expires_in_s": expires_in_s}).status_code == 422


def test_the_longest_link_is_possible(join: Join, add_video: AddVideo) -> None:
    share = create_share(join(), add_video(), 100_000_000)
    expires = datetime.fromisoformat(share["expires"])
    assert expires - datetime.now(UTC) > timedelta(days=1150)


def test_a_link_dies_when_who_made_it_may_not_see_the_video_any_more(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann, bob = join(), join()
    video_id = add_video(uploader_id=ann.user_id, package=publish_package())
    of_ann, of_bob = create_share(ann, video_id), create_share(bob, video_id)
    ann.http.patch(f"/v1/videos/{video_id}", json={"visibility": "private"})
    assert api.get(of_bob["url"]).status_code == 404
    assert api.get(of_ann["url"]).status_code == 200
    with connect() as connection:
        connection.execute("UPDATE videos SET status = 'removed'")
    assert api.get(of_ann["url"]).status_code == 404
