"""Reconciliation: counters of the API equal the counts of the lake's rows, or the stage explains why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import reconcile as stage
from jobs.reconcile import reconcile
from stores.delta import Lake
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.outbox import drain_all

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database_url")


def insert_video(video_id: str, *, sha256: str | None = "0" * 64, **counters: int) -> None:
    row = {"title": "A", "uploader_id": "u", "status": "ready", "sha256": sha256, "created": AT, **counters}
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": video_id}, row)


def insert_reaction(video_id: str, user_id: str, kind: str = "like") -> None:
    with connect() as connection:
        upsert_row(
            connection, "reactions", {"video_id": video_id, "user_id": user_id}, {"kind": kind, "created": AT}
        )


def add_up_counters() -> None:
    """As the API does, in one go (streaming/api/videos/counters.py)."""
    with connect() as connection:
        connection.execute(
            """UPDATE videos v SET likes = v.likes + s.likes, dislikes = v.dislikes + s.dislikes,
                   views = v.views + s.views
               FROM (SELECT video_id, sum(likes) AS likes, sum(dislikes) AS dislikes, sum(views) AS views
                     FROM tallies GROUP BY video_id) s WHERE s.video_id = v.video_id"""
        )
        connection.execute("DELETE FROM tallies")


def drain_outbox(tables: Lake) -> None:
    with connect() as connection:
        drain_all(connection, tables)


def reconcile_and_read(tables: Lake, run_id: str = "run") -> dict[str, dict[str, Any]]:
    reconcile(run_id)
    rows = tables.read("reconciliations", where={"run_id": run_id}).to_pylist()
    return {row["counter"]: row for row in rows}


def test_difference_is_none_after_likes_views_and_changes_of_mind(tables: Lake) -> None:
    for name in ("v", "w"):
        insert_video(name)
    for user in range(5):
        insert_reaction("v", f"u{user}")
        insert_reaction("w", f"u{user}", "dislike")
    insert_reaction("v", "u0", "dislike")
    with connect() as connection:
        connection.execute("DELETE FROM reactions WHERE user_id = 'u1'")
        for number in range(3):
            key = {"video_id": "v", "user_id": "u", "session_id": f"s{number}"}
            upsert_row(connection, "views", key, {"watched_s": 1.0, "created": AT})
    add_up_counters()
    drain_outbox(tables)
    rows = reconcile_and_read(tables)
    counted = {name: (row["live"], row["lake"], row["differing"]) for name, row in rows.items()}
    assert counted == {"likes": (3, 3, 0), "dislikes": (5, 5, 0), "views": (3, 3, 0)}
    assert {row["videos"] for row in rows.values()} == {2}


def test_videos_of_which_something_is_on_its_way_are_left_out(tables: Lake) -> None:
    for name in ("still", "counted", "in the outbox"):
        insert_video(name)
    drain_outbox(tables)
    insert_reaction("counted", "u")  # a tally that is not added up
    drain_outbox(tables)
    insert_reaction("in the outbox", "u")
    with connect() as connection:
        connection.execute("DELETE FROM tallies WHERE video_id = 'in the outbox'")
    assert reconcile_and_read(tables)["likes"]["videos"] == 1


def test_what_an_import_has_set_is_told_apart(tables: Lake) -> None:
    insert_video("imported", sha256=None, likes=40, views=2)
    drain_outbox(tables)
    row = reconcile_and_read(tables)["likes"]
    assert (row["live"], row["lake"], row["set_by_import"], row["differing"]) == (40, 0, 40, 0)


def test_what_nothing_explains_fails_the_stage_and_names_the_videos(
    tables: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stores.stage.die_with_parent", lambda: None)
    insert_video("drifted", likes=1)
    drain_outbox(tables)
    with pytest.raises(SystemExit):
        stage.main(["--run-id", "night"])
    assert 'likes of 1 videos, for example ["drifted"]' in capsys.readouterr().err
    [row] = tables.read("reconciliations", where={"counter": "likes"}).to_pylist()
    assert (row["differing"], row["sample"]) == (1, '["drifted"]')
