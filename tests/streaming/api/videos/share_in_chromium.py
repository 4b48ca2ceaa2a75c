"""The share page in headless Chromium: it plays. Not part of `make test`: it needs Debian's chromium and its driver.

`SHARE=URL pytest tests/streaming/api/videos/share_in_chromium.py`, with the link that `newsreel demo --keep` prints.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.streaming.api.chromium import chromium


@pytest.mark.skipif("SHARE" not in os.environ, reason="SHARE names no link")
def test_the_share_page_plays(tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        browser.open(os.environ["SHARE"])
        browser.wait_for("document.querySelector('video').readyState >= 2")
        browser.run("const v = document.querySelector('video'); v.muted = true; return v.play()")
        browser.wait_for("document.querySelector('video').currentTime > 1")
        browser.screenshot(Path(os.environ.get("SCREENSHOT", tmp_path / "share.png")))
        assert not [message for message in browser.messages() if "Content Security Policy" in message]
