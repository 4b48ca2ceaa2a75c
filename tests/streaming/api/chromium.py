"""Headless Chromium, driven by ChromeDriver over the WebDriver protocol (W3C WebDriver 2)."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.processes import ChildProgram

START_TIMEOUT_S = 120

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,900",
)


class Chromium:
    """One browser window."""

    def __init__(self, driver: httpx.Client, session: str) -> None:
        self._driver = driver
        self._session = session

    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""
        self._command("url", url=address)

    def run(self, script: str) -> Any:
        """What the body of a function gives in the page; a promise is waited for."""
        return self._command("execute/sync", script=script, args=[])

    def wait_for(self, condition: str, timeout_s: float = 15) -> None:
        """Wait until the expression is true in the page. Raises AssertionError with what it is otherwise."""
        deadline_s = time.monotonic() + timeout_s
        while not (found := self.run(f"return {condition}")):
            assert time.monotonic() < deadline_s, (
                f"{condition} is {found!r} after {timeout_s} s: {self.messages()}"
            )
            time.sleep(0.1)

    def messages(self) -> list[str]:
        """Warnings and errors of the page's console since last asked, blocked scripts among them."""
        return [entry["message"] for entry in self._command("se/log", type="browser")]

    def screenshot(self, file: Path) -> None:
        """The window as PNG."""
        answer = self._driver.get(f"/session/{self._session}/screenshot").raise_for_status()
        file.write_bytes(base64.b64decode(answer.json()["value"]))

    def _command(self, name: str, **arguments: Any) -> Any:
        answer = self._driver.post(f"/session/{self._session}/{name}", json=arguments)
        assert answer.is_success, answer.text
        return answer.json()["value"]


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """A browser with an empty profile in `profile`; it and its driver are gone afterwards."""
    program = shutil.which("chromedriver")
    assert program, "chromedriver is not on PATH: apt-get install chromium chromium-driver"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Chromium's sandbox refuses to run as root.
    flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    wanted = {"goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "WARNING"}}
    with (
        ChildProgram([program, f"--port={port}", "--log-level=OFF"], stdout=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as driver,
    ):
        try:
            _wait_until_ready(driver)
            answer = driver.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            assert answer.is_success, answer.text
            session = answer.json()["value"]["sessionId"]
            yield Chromium(driver, session)
            driver.delete(f"/session/{session}")
        finally:
            process.terminate()


def _wait_until_ready(driver: httpx.Client) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            driver.get("/status").raise_for_status()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
