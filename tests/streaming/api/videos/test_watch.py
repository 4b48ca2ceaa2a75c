"""The watch page plays what is ready, explains what is not, and shows text as text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from schemas.settings import settings
from streaming.api.app import STATIC
from streaming.serving import database
from tests.streaming.conftest import served


def test_a_ready_video_has_a_player_with_both_manifests(
    api: httpx.Client, add_video: Callable[..., str], package: str
) -> None:
    page = api.get(f"/watch/{add_video(package=package, thumbnail_url='/media/thumbnails/x.jpg')}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Big Buck Bunny</h1>" in page.text
    assert 'poster="/media/thumbnails/x.jpg"' in page.text
    for attribute in ("data-hls", "data-dash"):
        address = re.search(rf'{attribute}="([^"]+)"', page.text)
        assert address
        assert api.get(address[1]).status_code == 200


def test_the_page_loads_nothing_that_is_not_there(
    api: httpx.Client, add_video: Callable[..., str], package: str
) -> None:
    page = api.get(f"/watch/{add_video(package=package)}")
    loaded = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    assert [api.get(address).status_code for address in loaded] == [200] * 4


@pytest.mark.parametrize(
    "columns",
    [{"visibility": "private"}, {"visibility": "unlisted"}, {"status": "encoding"}, {"status": "removed"}],
)
def test_what_not_everybody_may_see_is_as_unknown_as_any(
    api: httpx.Client, add_video: Callable[..., str], columns: dict[str, str]
) -> None:
    unknown = api.get("/watch/unknown")
    assert api.get(f"/watch/{add_video(**columns)}").text == unknown.text


def test_titles_are_shown_as_text(api: httpx.Client, add_video: Callable[..., str], package: str) -> None:
    hostile = "</title><script>alert(1)</script>\"onload='x' {{ 7*7 }}"
    texts = {"title": hostile, "description": hostile, "thumbnail_url": hostile}
    page = api.get(f"/watch/{add_video(**texts, package=package)}")
    assert page.status_code == 200
    assert "alert(1)" in page.text
    assert "<script>" not in page.text
    assert '"onload' not in page.text
    assert "{{ 7*7 }}" in page.text


@pytest.mark.parametrize("video_id", ["unknown", "%20", "x" * 65, "a'b", "%C3%A4", "a%00b"])
def test_unknown_ids_get_a_page_that_says_so(api: httpx.Client, database_url: str, video_id: str) -> None:
    page = api.get(f"/watch/{video_id}")
    assert page.status_code == 404
    assert "<h1>No such video</h1>" in page.text


def test_without_postgresql_the_page_asks_for_patience(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_S", 0.3)
    monkeypatch.setenv("NEWSREEL_DATABASE_URL", f"postgresql://somebody:secret@/newsreel?host={home}")
    settings.cache_clear()
    with served() as url:
        page = httpx.get(f"{url}/watch/v-1")
        assert httpx.get(f"{url}/readyz").status_code == 503
    assert page.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "try again" in page.text
    assert str(home) not in page.text
    assert "secret" not in page.text


def test_the_vendored_player_is_what_its_note_says() -> None:
    (folder,) = (STATIC / "vendor").iterdir()
    stated = dict(re.findall(r"\| (\S+) \| ([0-9a-f]{64}) \|", (folder / "README.md").read_text()))
    assert stated == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "README.md"
    }
