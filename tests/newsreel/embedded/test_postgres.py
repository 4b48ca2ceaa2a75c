"""The embedded PostgreSQL: private, shared by all processes that hold it, stopped by the last of them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from newsreel.embedded.postgres import DATABASES, SERVER_USER, EmbeddedPostgres
from tests.processes import ChildProgram, is_gone, wait_until


@pytest.fixture(scope="module")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A HOME for one test after the other; a new one takes a second."""
    home = tmp_path_factory.mktemp("home")
    yield home
    left = EmbeddedPostgres(home)
    left.adopt()
    left.stop()
    shutil.rmtree(left.folder)


HOLDER = """
import sys
from pathlib import Path
from newsreel.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(home: Path) -> Iterator[ChildProgram]:
    """Another process that holds the server until it reads a line."""
    with ChildProgram(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process


def server_pid(server: EmbeddedPostgres) -> int:
    return int((server.data_folder / "postmaster.pid").read_text().split("\n", 1)[0])


def test_it_serves_both_databases_and_listens_on_no_network(server_home: Path):
    with EmbeddedPostgres(server_home) as server:
        for database in DATABASES:
            with psycopg.connect(server.url(database)) as connection:
                assert connection.execute("SELECT current_database()").fetchone() == (database,)
                assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
                assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_what_was_written_is_there_after_a_restart(server_home: Path):
    with EmbeddedPostgres(server_home) as server, psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(server_home) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_the_last_one_out_stops_it(server_home: Path):
    server = EmbeddedPostgres(server_home)
    server.start()
    pid = server_pid(server)
    with holder(server_home) as other:
        assert server.stop() is False
        assert server.running
        assert server_pid(server) == pid, "the second holder took the server that ran"
        other.communicate("\n")
    assert wait_until(lambda: is_gone(pid))
    assert not EmbeddedPostgres(server_home).running


def test_a_holder_that_was_killed_holds_nothing(server_home: Path):
    server = EmbeddedPostgres(server_home)
    with holder(server_home) as other:
        other.kill()
    assert server.running, "no holder was left to stop it"
    server.start()
    pid = server_pid(server)
    assert server.stop() is True
    assert wait_until(lambda: is_gone(pid))


def test_a_server_that_was_killed_is_started_again(server_home: Path):
    with EmbeddedPostgres(server_home) as server:
        pid = server_pid(server)
        os.kill(pid, 9)
        assert wait_until(lambda: is_gone(pid))
        with EmbeddedPostgres(server_home), psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_is_stopped_leaves_no_orphan_and_loses_nothing(
    server_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("newsreel.embedded.postgres._FAST_STOP_S", 1)
    monkeypatch.setattr("newsreel.embedded.postgres._IMMEDIATE_STOP_S", 1)
    with EmbeddedPostgres(server_home) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept_over_a_kill AS SELECT 1 AS n")
        pid = server_pid(server)
        os.kill(pid, signal.SIGSTOP)
        assert server.restart_if_dead() is False
    assert is_gone(pid)
    with EmbeddedPostgres(server_home) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT n FROM kept_over_a_kill").fetchall() == [(1,)]


def test_a_home_behind_a_link_is_not_taken_for_dead(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with EmbeddedPostgres(tmp_path / "link") as server:
        assert server.pid == server_pid(server)
        assert server.restart_if_dead() is False
    shutil.rmtree(server.folder)


def test_a_pid_file_whose_process_is_another_program_does_not_matter(server_home: Path):
    with EmbeddedPostgres(server_home) as server:
        left = (server.data_folder / "postmaster.pid").read_text()
    with ChildProgram(["sleep", "600"]) as stranger:
        (server.data_folder / "postmaster.pid").write_text(
            left.replace(left.split("\n", 1)[0], str(stranger.pid), 1)
        )
        with EmbeddedPostgres(server_home) as again, psycopg.connect(again.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        stranger.kill()


def test_nobody_else_can_reach_it(server_home: Path):
    with EmbeddedPostgres(server_home) as server:
        owner = pwd.getpwnam(SERVER_USER).pw_uid if os.geteuid() == 0 else os.geteuid()
        for folder in (server.socket_folder, server.data_folder):
            found = folder.stat()
            assert stat.S_IMODE(found.st_mode) == 0o700
            assert found.st_uid == owner
        socket = server.socket_folder / ".s.PGSQL.5432"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_with_the_socket_open_to_all(server_home: Path):
    nobody = pwd.getpwnam("nobody")
    with EmbeddedPostgres(server_home) as server:
        server.socket_folder.chmod(0o755)
        (server.socket_folder / ".s.PGSQL.5432").chmod(0o777)
        tried = subprocess.run(
            [str(server.programs / "psql"), server.url(), "-c", "SELECT 1"],
            check=False, cwd="/", capture_output=True, text=True, user=nobody.pw_uid, group=nobody.pw_gid,
        )  # fmt: skip
        assert tried.returncode != 0
        assert "Peer authentication failed" in tried.stderr


def test_as_root_no_folder_of_the_home_is_opened_to_others(tmp_path: Path):
    home = tmp_path / "closed" / "home"
    home.mkdir(parents=True)
    home.parent.chmod(0o700)
    with EmbeddedPostgres(home) as server:
        assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    shutil.rmtree(server.folder)


def test_a_home_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path):
    home = tmp_path / ("long" * 20) / ("longer" * 10)
    home.mkdir(parents=True)
    with EmbeddedPostgres(home) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
    shutil.rmtree(server.folder)
