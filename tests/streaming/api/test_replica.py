"""Reads from a replica by URL: who is not logged in reads there, and who is logged in reads what they wrote."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.settings import settings
from streaming.api import database
from tests.streaming.api.conftest import served

ADD = """INSERT INTO videos (video_id, title, uploader_id, status, created) VALUES ('v', %s, 'u', 'ready', %s)"""


@pytest.fixture
def behind(postgres: EmbeddedPostgres, migrated: str, database_url: str) -> str:
    """A database that says something else, as a replica does that is a moment behind."""
    name = database_url.partition("?")[0].rpartition("/")[2] + "_replica"
    with psycopg.connect(postgres.url("template1"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{migrated}"'.encode())
    for url, title in ((database_url, "now"), (postgres.url(name), "a moment ago")):
        with psycopg.connect(url) as connection:
            connection.execute(ADD, (title, datetime.now(UTC)))
    return postgres.url(name)


def test_who_is_not_logged_in_reads_there(behind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_DATABASE_REPLICA_URL", behind)
    settings.cache_clear()
    login = {"user_name": "ann", "password": "correct horse"}
    with served() as url, httpx.Client(base_url=url) as api:
        assert api.post("/v1/users", json=login).status_code == 201
        token = api.post("/v1/sessions", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + 5
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
