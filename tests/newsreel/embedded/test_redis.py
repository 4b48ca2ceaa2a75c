"""The embedded Redis: a real server on a private socket."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from newsreel.embedded.redis import EmbeddedRedis, read_redis_version
from schemas.errors import DependencyError
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


def test_a_server_that_is_slow_is_not_started_twice_on_the_same_files(tmp_path: Path):
    with EmbeddedRedis(tmp_path) as server:
        pid = server_pid(server)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert not server.running
            assert server.restart_if_dead() is False
        finally:
            os.kill(pid, signal.SIGCONT)
        assert wait_until(lambda: server.running)
        assert server_pid(server) == pid


def test_a_server_that_is_stopped_leaves_no_orphan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("newsreel.embedded.redis._STOP_TIMEOUT_S", 1.0)
    with EmbeddedRedis(tmp_path) as server:
        pid = server_pid(server)
        os.kill(pid, signal.SIGSTOP)
    assert is_gone(pid)


def test_files_that_it_cannot_read_are_set_aside(tmp_path: Path):
    damaged = b"*3\r\n$3\r\nSET\r\nnot the protocol"
    (tmp_path / "redis").mkdir(mode=0o700)
    (tmp_path / "redis" / "appendonly.aof").write_bytes(damaged)
    with EmbeddedRedis(tmp_path) as server:
        assert server.running
        aside = tmp_path / "redis" / "unreadable"
        assert (aside / "appendonly.aof").read_bytes() == damaged
        assert server.notice
        assert server.notice.startswith("redis could not read its files (Bad file format")
        assert server.notice.endswith(f"and starts empty; they are in {aside}")
    with EmbeddedRedis(tmp_path) as again:
        assert again.notice is None


def test_files_that_are_not_at_fault_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with EmbeddedRedis(tmp_path):
        pass
    before = (tmp_path / "redis" / "appendonly.aof").read_bytes()
    monkeypatch.setattr("newsreel.embedded.redis._locate_server", lambda: Path("/bin/false"))
    with pytest.raises(DependencyError, match="the embedded Redis did not start"):
        EmbeddedRedis(tmp_path).start()
    assert (tmp_path / "redis" / "appendonly.aof").read_bytes() == before
    assert not (tmp_path / "redis" / "unreadable").exists()


def test_a_home_behind_a_link_is_not_taken_for_dead(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with EmbeddedRedis(tmp_path / "link") as server:
        assert server.pid == server_pid(server)
        assert server.restart_if_dead() is False


def test_a_long_path_is_no_obstacle(tmp_path: Path):
    home = tmp_path / ("long" * 30)
    home.mkdir()
    with EmbeddedRedis(home) as server:
        assert server.running


def test_its_version_is_known():
    assert read_redis_version().split(".")[0] >= "6"
