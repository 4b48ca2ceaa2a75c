"""The stack without Airflow: says where its servers are, restarts the API, and ends with its parent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from newsreel.embedded.postgres import EmbeddedPostgres
from tests.processes import ChildProgram, wait_until


def find_api(pid: int) -> psutil.Process | None:
    children = psutil.Process(pid).children()
    return next((child for child in children if "streaming.api" in child.cmdline()), None)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_it_serves_until_sigterm_and_a_killed_api_is_started_again(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    home = tmp_path / "home"
    with ChildProgram(
        [sys.executable, "-m", "newsreel.embedded.live_servers"],
        env={**environment, "NEWSREEL_HOME": str(home)}, stdout=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        urls = json.loads(program.stdout.readline())
        assert set(urls) == {"api_url", "database_url", "redis_url"}
        assert answers(urls["api_url"])
        api = find_api(program.pid)
        assert api
        api.kill()
        assert wait_until(lambda: answers(urls["api_url"]))
        assert find_api(program.pid) != api
        assert not (home / "stack.json").exists()
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
    assert not EmbeddedPostgres(home).running
    assert not Path(urlsplit(urls["redis_url"]).path).exists()
    shutil.rmtree(EmbeddedPostgres(home).folder)
