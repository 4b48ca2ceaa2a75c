"""Reads from a replica by URL: who is not logged in reads there, and who is logged in reads what they wrote."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from newsreel.embedded.postgres import SERVER_USER, EmbeddedPostgres
from schemas.settings import settings
from streaming.serving import database
from tests.databases import Spares
from tests.streaming.api.waiting import wait_for
from tests.streaming.conftest import served

ADD = """INSERT INTO videos (video_id, title, uploader_id, status, created) VALUES ('v', %s, 'u', 'ready', %s)"""


@pytest.fixture
def behind(postgres: EmbeddedPostgres, databases: Spares, database_url: str) -> Iterator[str]:
    """A database that says something else, as a replica does that is a moment behind."""
    name = databases.make()
    for url, title in ((database_url, "now"), (postgres.url(name), "a moment ago")):
        with psycopg.connect(url) as connection:
            connection.execute(ADD, (title, datetime.now(UTC)))
    yield postgres.url(name)
    databases.drop(name)


@pytest.fixture
def replica(
    postgres: EmbeddedPostgres, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server that really follows the first one: its address of the test's database, which has a video."""
    with psycopg.connect(database_url) as connection:
        connection.execute(ADD, ("first", datetime.now(UTC)))
    server = EmbeddedPostgres(tmp_path_factory.mktemp("replica"))
    if server.as_root:
        hba, ident = (postgres.data_folder / name for name in ("pg_hba.conf", "pg_ident.conf"))
        hba.write_text("local replication all peer map=newsreel\n" + hba.read_text())
        ident.write_text(f'newsreel "{SERVER_USER}" newsreel\n' + ident.read_text())
        with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
    server.data_folder.mkdir(parents=True)
    subprocess.run(
        [
            str(postgres.programs / "pg_basebackup"), "-D", str(server.data_folder), "-h",
            str(postgres.socket_folder), "-U", "newsreel", "--write-recovery-conf", "--checkpoint=fast",
        ],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    if server.as_root:
        server.folder.chmod(0o711)
        owner = pwd.getpwnam(SERVER_USER)
        for path in (server.data_folder, *server.data_folder.rglob("*")):
            shutil.chown(path, owner.pw_uid, owner.pw_gid)
    with server:
        yield server.url(database_url.partition("?")[0].rpartition("/")[2])
    shutil.rmtree(server.folder)


def rename(database_url: str, title: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE videos SET title = %s", (title,))


def wait_until(server: psycopg.Connection[tuple[bool]], condition: str) -> None:
    deadline = time.monotonic() + 120
    while server.execute(f"SELECT {condition}".encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def test_a_server_that_follows_is_read_while_it_is_near(
    database_url: str, replica: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", replica)
    monkeypatch.setattr(database, "REPLICA_LAG_S", 3.0)
    settings.cache_clear()
    with (
        served() as url,
        httpx.Client(base_url=url) as api,
        psycopg.connect(replica, autocommit=True) as follower,
    ):

        def title() -> str:
            return str(api.get("/v1/videos/v").json()["title"])

        time.sleep(2)  # by now the API has looked at the replica, which nothing outside of it tells
        rename(database_url, "second")
        wait_for(title, "second", within_s=2)
        # It stands still: what it says is told until it is too far behind, then the first server is asked.
        follower.execute("SELECT pg_wal_replay_pause()")
        rename(database_url, "third")
        wait_for(title, "second", within_s=1)
        wait_for(title, "third", within_s=6)
        follower.execute("SELECT pg_wal_replay_resume()")
        wait_until(follower, "pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()")
        # It hears nothing more of the first server, and has played all that it heard: not near, though never behind.
        follower.execute("ALTER SYSTEM SET primary_conninfo = ''")
        follower.execute("SELECT pg_reload_conf()")
        wait_until(follower, "NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
        wait_until(follower, "clock_timestamp() - pg_last_xact_replay_timestamp() > interval '4 s'")
        rename(database_url, "fourth")
        wait_for(title, "fourth", within_s=6)
        for _ in range(20):
            assert title() == "fourth"
            time.sleep(0.1)


def test_who_is_not_logged_in_reads_there(behind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", behind)
    settings.cache_clear()
    login = {"user_name": "ann", "password": "correct horse"}
    with served() as url, httpx.Client(base_url=url) as api:
        assert api.post("/v1/users", json=login).status_code == 201
        token = api.post("/v1/sessions", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + 60
        while api.get("/v1/videos/v").json()["title"] == "now" and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(2):
            assert api.get("/v1/videos/v").json()["title"] == "a moment ago"
            assert api.get("/v1/videos/v", headers=headers).json()["title"] == "now"


def test_a_replica_that_is_far_behind_or_away_is_not_asked(
    behind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "REPLICA_LAG_S", -1.0)
    for url in (behind, "postgresql://nobody@127.0.0.1:9/newsreel"):
        monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", url)
        settings.cache_clear()
        with served() as api:
            deadline = time.monotonic() + 1.5
            while time.monotonic() < deadline:
                assert httpx.get(f"{api}/v1/videos/v").json()["title"] == "now"
                time.sleep(0.2)


def test_no_write_goes_there_whoever_writes(
    behind: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does anything that who is logged in reads: a title that only the replica has would be seen."""
    monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", behind)
    settings.cache_clear()
    with psycopg.connect(behind, autocommit=True) as replica, psycopg.connect(database_url) as primary:
        began = events(replica)
        with served() as url, httpx.Client(base_url=url) as api:
            wait_for(lambda: api.get("/v1/videos/v").json()["title"], "a moment ago", within_s=5)
            login = {"user_name": "ann", "password": "correct horse"}
            user_id = api.post("/v1/users", json=login).json()["user_id"]
            tokens = api.post("/v1/sessions", json=login).json()
            refreshed = api.post("/v1/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
            headers = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
            for method, path, body in (
                ("PUT", "/v1/videos/v/reaction", {"kind": "like"}),
                ("POST", "/v1/videos/v/views", {"session_id": "s", "watched_s": 1}),
                ("POST", "/v1/videos/v/comments", {"text": "hello"}),
                ("POST", "/v1/posts", {"content": "hello"}),
                ("PATCH", f"/v1/users/{user_id}", {"name": "Ann"}),
            ):
                answer = api.request(method, path, json=body, headers=headers)
                assert answer.is_success, answer.text
                assert api.get("/v1/videos/v", headers=headers).json()["title"] == "now"
            assert len(api.get("/v1/videos/v/comments", headers=headers).json()["items"]) == 1
            assert api.get("/v1/videos/v/comments").json()["items"] == []
        assert events(replica) == began
        assert events(primary) > began
        for table in ("users", "credentials", "sessions", "reactions", "tallies"):
            assert replica.execute(f"SELECT FROM {table}".encode()).fetchall() == [], table


def events(server: psycopg.Connection[tuple[int]]) -> int:
    [(count,)] = server.execute("SELECT count(*) FROM events").fetchall()
    return count


def test_a_replica_that_dies_is_missed_by_nobody(replica: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary answers in its place; who is logged in never asks it."""
    monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", replica)
    monkeypatch.setenv("NEWSREEL_LIMITS", "off")
    settings.cache_clear()
    login = {"user_name": "ann", "password": "correct horse"}
    with served() as url, httpx.Client(base_url=url, timeout=20) as api:
        assert api.post("/v1/users", json=login).status_code == 201
        token = api.post("/v1/sessions", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        time.sleep(2)  # by now it is asked
        with psycopg.connect(replica) as server:
            [(folder,)] = server.execute("SHOW data_directory").fetchall()
        os.kill(int(Path(folder, "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        died_s = time.monotonic()
        while time.monotonic() - died_s < database.WAIT_S:
            assert api.get("/v1/videos/v/comments").status_code == 200
            assert api.get("/v1/videos/v/comments", headers=headers).status_code == 200
            time.sleep(0.02)
