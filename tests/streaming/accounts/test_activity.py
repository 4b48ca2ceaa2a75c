"""Activity: an authenticated request counts its account once per day and surface, whatever the response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from schemas.surfaces import SURFACES, find_surface
from stores.outbox import upsert_row
from stores.postgres import connect
from streaming.accounts import activity
from streaming.serving.database import Database
from tests.streaming.conftest import Person


def rows() -> list[tuple[str, str]]:
    with connect() as connection:
        found = connection.execute(
            "SELECT user_id, surface FROM activity ORDER BY user_id, surface"
        ).fetchall()
    return [(row["user_id"], row["surface"]) for row in found]


def events() -> list[dict[str, Any]]:
    with connect() as connection:
        return connection.execute("SELECT kind, row_key FROM events WHERE table_name = 'activity'").fetchall()


def test_one_row_a_day_and_surface_whatever_the_answer(
    api: httpx.Client, join: Callable[..., Person]
) -> None:
    ann = join("ann")
    for path in ("/v1/videos/none", "/v1/videos/none", "/v1/friends", "/v1/blocks", "/v1/nothing"):
        ann.http.get(path)
    api.get("/v1/videos/none")  # nobody in particular
    api.get("/v1/videos/none", headers={"Authorization": "Bearer wrong"})
    assert rows() == [(ann.user_id, "other"), (ann.user_id, "people"), (ann.user_id, "watch")]
    today = datetime.now(UTC).date()
    assert {row["row_key"] for row in events()} == {
        f"{ann.user_id}/{today}/{surface}" for surface in ("other", "people", "watch")
    }


def test_a_new_day_is_counted_anew(join: Callable[..., Person], monkeypatch: pytest.MonkeyPatch) -> None:
    ann = join("ann")
    ann.http.get("/v1/friends")
    monkeypatch.setattr(activity, "DAY_S", 3_600)  # another number, hence another day
    ann.http.get("/v1/friends")
    assert rows() == [(ann.user_id, "people")]


def test_old_days_go_without_a_trace_in_the_events(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "BATCH_ROWS", 2)
    today = datetime.now(UTC).date()
    with connect() as connection:
        for number in (
            0,
            activity.RETENTION_DAYS + 1,
            activity.RETENTION_DAYS + 2,
            activity.RETENTION_DAYS + 3,
        ):
            key = {"user_id": "u", "day": today - timedelta(days=number), "surface": "chat"}
            upsert_row(connection, "activity", key, {"created": datetime.now(UTC)})
    before = events()

    async def forget() -> None:
        database = Database(database_url)
        await database.open()
        await activity.delete_old_activity(database)
        await database.close()

    asyncio.run(forget())
    with connect() as connection:
        days: list[date] = [row["day"] for row in connection.execute("SELECT day FROM activity").fetchall()]
    assert days == [today]
    assert events() == before


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/v1/videos/v/comments", "watch"), ("/v1/uploads", "upload"), ("/v1/search/videos", "search"),
        ("/v1/feed/updates", "feed"), ("/v1/chat/sessions", "chat"), ("/v1/users/me", "account"), ("/", "other"),
        ("/healthz", "other"), ("/v1/", "other"), ("/v1", "other"), ("/media/p/v/master.m3u8", "other"),
    ],
)  # fmt: skip
def test_a_path_belongs_to_a_surface(path: str, surface: str) -> None:
    assert find_surface(path) == surface
    assert surface in SURFACES
