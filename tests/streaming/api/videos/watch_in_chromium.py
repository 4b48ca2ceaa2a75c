"""The watch page really plays, in headless Chromium: `make browser-test`.

Apart from `make test`, because a browser is not among what the README asks for (Debian: chromium, chromium-driver).
A screenshot of each page is left in NEWSREEL_SCREENSHOTS where that is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.streaming.api.chromium import Chromium


def keep_screenshot(browser: Chromium, name: str) -> None:
    """Leave the window as NAME.png for a person to look at."""
    if folder := os.environ.get("NEWSREEL_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_a_ready_video_plays_as_dash_and_as_hls(
    browser: Chromium, api: httpx.Client, ready_video: str
) -> None:
    browser.open(f"{api.base_url}/watch/{ready_video}")
    browser.wait_for("video.readyState >= 2")
    assert browser.run("return player.getManifestType()") == "DASH"
    assert browser.run("return video.currentTime") == 0
    assert browser.run("return Math.abs(video.duration - 8) < 0.1")
    browser.run("video.muted = true; return video.play()")
    browser.wait_for("video.currentTime > 1.5")
    browser.wait_for("document.getElementById('picture').textContent !== ''")
    keep_screenshot(browser, "dash")
    codecs = browser.run("return player.getVariantTracks().map((track) => track.codecs)")
    assert {codec.partition(".")[0] for codec in codecs} <= {"avc1", "av01"}
    tile = browser.run("return player.getThumbnails(player.getImageTracks()[0].id, 5)")
    assert (tile["startTime"], tile["duration"], tile["positionX"]) == (4, 2, 2 * tile["width"])

    reached_s = browser.run("return video.currentTime")
    browser.run("document.querySelector('input[value=hls]').click()")
    browser.wait_for("player.getManifestType() === 'HLS' && video.readyState >= 2")
    browser.wait_for(f"video.currentTime > {reached_s + 1}")
    keep_screenshot(browser, "hls")
    assert browser.run("return video.getVideoPlaybackQuality().totalVideoFrames") > 0

    browser.wait_for("video.ended")
    assert browser.run("return Math.abs(video.duration - 8) < 0.1")
    assert browser.run("return document.getElementById('failure').hidden")
    assert browser.messages() == []


def test_a_player_without_its_files_says_so(
    browser: Chromium, api: httpx.Client, home: Path, add_video: Callable[..., str]
) -> None:
    browser.open(f"{api.base_url}/watch/{add_video(package='0' * 64)}")
    browser.wait_for("!document.getElementById('failure').hidden")
    assert "cannot be played" in browser.run("return document.getElementById('failure').textContent")
    keep_screenshot(browser, "failure")
    browser.messages()


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("rejected", {"status": "rejected", "reasons": ["no picture can be decoded from 3.0 s to 7.5 s"]}),
        ("hostile", {"status": "failed", "title": "</h1><script>document.title = 'taken'</script>"}),
    ],
)
def test_pages_without_a_player_are_quiet(
    browser: Chromium, api: httpx.Client, add_video: Callable[..., str], name: str, columns: dict[str, object]
) -> None:
    """They are 404, as of a video that does not exist, which the browser notes; it notes nothing else."""
    page = f"{api.base_url}/watch/{add_video(**columns)}"
    browser.open(page)
    keep_screenshot(browser, name)
    assert browser.run("return document.title") != "taken"
    [note] = browser.messages()
    assert note.startswith(f"{page} - Failed to load resource: the server responded with a status of 404")
