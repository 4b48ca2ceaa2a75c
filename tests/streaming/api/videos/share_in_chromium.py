"""The share page in headless Chromium: it plays, without an account. `make browser-test`."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from tests.streaming.api.chromium import Chromium
from tests.streaming.conftest import Person


def test_the_share_page_plays(
    browser: Chromium, api: httpx.Client, ready_video: str, join: Callable[..., Person]
) -> None:
    answer = join().http.post(f"/v1/videos/{ready_video}/shares", json={"expires_in_s": 600})
    assert answer.status_code == 201, answer.text
    browser.open(str(api.base_url.join(answer.json()["url"])))
    browser.wait_for("document.querySelector('video').readyState >= 2")
    browser.run("const v = document.querySelector('video'); v.muted = true; return v.play()")
    browser.wait_for("document.querySelector('video').currentTime > 1")
    assert not [message for message in browser.messages() if "Content Security Policy" in message]
