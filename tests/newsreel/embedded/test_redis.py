"""The embedded Redis: a real server on a private socket."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from newsreel.embedded.redis import EmbeddedRedis, redis_version
from tests.processes import is_gone, wait_until


def server_pid(server: EmbeddedRedis) -> int:
    return int((server.folder / "redis.pid").read_text())


def test_it_answers_ping_on_a_socket_that_only_its_owner_can_reach(tmp_path: Path):
    with EmbeddedRedis(tmp_path) as server:
        assert server.running
        assert stat.S_IMODE(server.socket_path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket_path.stat().st_mode) == 0o700
        assert server.url == f"unix://{server.socket_path}"
    assert not server.running


def test_the_last_one_out_stops_it(tmp_path: Path):
    with EmbeddedRedis(tmp_path) as first:
        pid = server_pid(first)
        with EmbeddedRedis(tmp_path) as second:
            assert server_pid(second) == pid
        assert first.running
    assert wait_until(lambda: is_gone(pid))


def test_a_server_that_was_killed_is_started_again(tmp_path: Path):
    with EmbeddedRedis(tmp_path) as server:
        pid = server_pid(server)
        os.kill(pid, 9)
        assert wait_until(lambda: is_gone(pid))
        with EmbeddedRedis(tmp_path) as again:
            assert again.running


def test_a_long_path_is_no_obstacle(tmp_path: Path):
    home = tmp_path / ("long" * 30)
    home.mkdir()
    with EmbeddedRedis(home) as server:
        assert server.running


def test_its_version_is_known():
    assert redis_version().split(".")[0] >= "6"
