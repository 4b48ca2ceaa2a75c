"""Refresh of tables from events: the newest event wins, invalid ones are rejected, and a repeat changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from jobs.refresh.event_slice import read_day_slices
from jobs.refresh_tables import read_cursor, refresh, replay
from schemas.settings import settings
from stores.delta import Lake
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.outbox import drain_all

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
VIDEO: dict[str, Any] = {
    "title": "A", "uploader_id": "u", "status": "inspecting", "sha256": "0" * 64, "created": AT,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("database_url")


def change_video(tables: Lake, video_id: str, **values: Any) -> None:
    """Change a live video, and drain its event into the lake."""
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": video_id}, {**VIDEO, **values})
    with connect() as connection:
        drain_all(connection, tables)


def append_event(tables: Lake, event_id: int, kind: str = "upserted", **row: Any) -> None:
    """Append an event to the lake, bypassing the outbox and its order."""
    text = json.dumps(row) if row else "not JSON"
    event = {
        "event_id": event_id, "transaction_id": 1, "table_name": "videos", "row_key": row.get("video_id", "?"),
        "kind": kind, "row": text, "at": AT,
    }  # fmt: skip
    tables.append_once("events", [event], app_id="test", version=event_id)


def video_row(video_id: str, **values: Any) -> dict[str, Any]:
    """A video as its event carries it."""
    empty = dict.fromkeys(
        ("description", "size_bytes", "thumbnail_url", "duration_s", "duplicate_of", "package")
    )
    counted = {"likes": 0, "dislikes": 0, "views": 0, "reasons": [], "visibility": "public"}
    return {
        **empty,
        **counted,
        **VIDEO,
        "video_id": video_id,
        "created": "2026-11-23T10:00:00.000000Z",
        **values,
    }


def test_changes_reach_the_table_and_personal_fields_come_from_postgresql(tables: Lake) -> None:
    with connect() as connection:
        person = {"user_name": "ann", "email": "ann@example.org", "created": AT}
        upsert_row(connection, "users", {"user_id": "u"}, person)
    change_video(tables, "v")
    change_video(tables, "v", status="rejected", reasons=["cut short"])
    assert refresh("run-1") == 2
    [video] = tables.read("videos").to_pylist()
    assert (video["status"], video["reasons"], video["created"]) == ("rejected", ["cut short"], AT)
    [user] = tables.read("users").to_pylist()
    assert (user["user_name"], user["email"], user["name"]) == ("ann", "ann@example.org", None)
    assert "ann@example.org" not in json.dumps(tables.read("events").column("row").to_pylist())
    assert read_cursor() == tables.version("events")


@pytest.mark.parametrize("small_events", [10_000, 0], ids=["in this process", "by Spark"])
def test_a_table_may_have_a_column_called_kind_as_events_have(
    tables: Lake, monkeypatch: pytest.MonkeyPatch, small_events: int
) -> None:
    monkeypatch.setenv("NEWSREEL_REFRESH_SMALL_EVENTS", str(small_events))
    settings.cache_clear()
    key = {"video_id": "v", "user_id": "u"}
    with connect() as connection:
        upsert_row(connection, "reactions", key, {"kind": "like", "created": AT})
        connection.commit()
        drain_all(connection, tables)
        upsert_row(connection, "reactions", key, {"kind": "dislike", "created": AT})
    with connect() as connection:
        drain_all(connection, tables)
    assert refresh("run-1") == 1
    assert tables.read("reactions", columns=["kind"]).to_pylist() == [{"kind": "dislike"}]


def test_a_repeat_changes_no_row_and_makes_no_commit(tables: Lake) -> None:
    change_video(tables, "v")
    refresh("run-1")
    before = (tables.version("videos"), tables.read("videos").to_pylist())
    assert refresh("run-2") == 0
    assert (tables.version("videos"), tables.read("videos").to_pylist()) == before


def test_an_older_event_that_comes_late_changes_nothing(tables: Lake) -> None:
    append_event(tables, 7, **video_row("v", title="newer"))
    assert refresh("run-1") == 1
    append_event(tables, 9, **video_row("w"))
    tables.append_once(
        "events",
        [
            {
                "event_id": 3, "transaction_id": 1, "table_name": "videos", "row_key": "v", "kind": "upserted",
                "row": json.dumps(video_row("v", title="older")), "at": AT,
            }
        ],
        app_id="late", version=1,
    )  # fmt: skip
    assert refresh("run-2") == 1
    titles = {row["video_id"]: row["title"] for row in tables.read("videos").to_pylist()}
    assert titles == {"v": "newer", "w": "A"}


def test_a_deleted_row_is_gone(tables: Lake) -> None:
    append_event(tables, 1, **video_row("v"))
    append_event(tables, 2, **video_row("w"))
    refresh("run-1")
    append_event(tables, 3, kind="deleted", **video_row("v"))
    assert refresh("run-2") == 1
    assert tables.read("videos").column("video_id").to_pylist() == ["w"]


@pytest.mark.parametrize("slices", [1, 2])
def test_a_deletion_that_is_refused_deletes_nothing_wherever_it_comes(tables: Lake, slices: int) -> None:
    append_event(tables, 1, **video_row("v"))
    if slices == 2:
        refresh("run-1")
    broken = {"row_key": "v", "kind": "deleted", "row": "not JSON", "table_name": "videos", "at": AT}
    tables.append_once("events", [{**broken, "event_id": 2, "transaction_id": 1}], app_id="test", version=2)
    refresh("run-2")
    assert tables.read("videos").column("video_id").to_pylist() == ["v"]
    assert tables.read("rejected_rows").column("row").to_pylist() == ["not JSON"]


def test_a_bad_row_is_kept_apart_with_its_reason_and_the_rest_goes_on(tables: Lake) -> None:
    append_event(tables, 1)
    append_event(tables, 2, **video_row("odd", status="sideways"))
    append_event(tables, 3, **video_row("good"))
    refresh("run-1")
    assert tables.read("videos").column("video_id").to_pylist() == ["good"]
    rejected = tables.read("rejected_rows").to_pylist()
    assert len(rejected) == 2
    assert all(row["reason"] and row["table_name"] == "videos" for row in rejected)
    refresh("run-2")
    assert tables.read("rejected_rows").to_pylist() == rejected


def test_cut_off_between_two_tables_it_takes_the_slice_again(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u"}, {"user_name": "ann", "created": AT})
    append_event(tables, 10**6)
    change_video(tables, "v")
    write = Lake.apply

    def cut_off(self: Lake, name: str, *rest: Any, **options: Any) -> None:
        if name == "videos":
            raise KeyboardInterrupt
        write(self, name, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "apply", cut_off)
        with pytest.raises(KeyboardInterrupt):
            refresh("run-1")
    assert read_cursor() is None
    users = tables.version("users")
    assert refresh("run-2") == 1
    assert tables.version("users") == users
    assert [row["video_id"] for row in tables.read("videos").to_pylist()] == ["v"]
    assert [row["run_id"] for row in tables.read("rejected_rows").to_pylist()] == ["run-1"]
    assert read_cursor() == tables.version("events")


def test_a_large_slice_goes_by_spark(
    tables: Lake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREEL_REFRESH_SMALL_EVENTS", "1")
    settings.cache_clear()
    append_event(tables, 1, **video_row("v"))
    append_event(tables, 2, **video_row("w"))
    assert refresh("run-1") == 2
    cursor, rows = tables.open("videos").history(2)
    assert ("Spark" in rows["engineInfo"], "Spark" in cursor["engineInfo"]) == (True, False)


def day_event(day: int, event_id: int, kind: str = "upserted", **row: Any) -> dict[str, Any]:
    """An event of a day in November."""
    return {
        "event_id": event_id, "transaction_id": 1, "table_name": "videos", "row_key": row["video_id"], "kind": kind,
        "row": json.dumps(row), "at": AT.replace(day=day),
    }  # fmt: skip


@pytest.mark.parametrize("days", list(permutations((21, 22, 23))), ids=str)
def test_days_replayed_in_any_order_make_the_same_table(tables: Lake, days: tuple[int, ...]) -> None:
    """Also if a day reverts or recreates what another one did, and an event arrives late and twice."""
    late = day_event(21, 2, **video_row("late"))
    events = [
        day_event(21, 1, **video_row("changed")), day_event(21, 3, **video_row("gone")),
        day_event(21, 4, **video_row("again")),
        day_event(22, 5, "deleted", video_id="gone"), day_event(22, 6, "deleted", video_id="again"),
        day_event(22, 7, **video_row("changed", title="B")), day_event(23, 8, **video_row("again", title="C")),
        day_event(23, 9, "deleted", video_id="never"), late, late,
    ]  # fmt: skip
    tables.append_once("events", events, app_id="test", version=1)
    for day in days:
        replay(f"replay {day}", date(2026, 11, day))
    held = {
        row["video_id"]: (row["title"], row["last_event_id"]) for row in tables.read("videos").to_pylist()
    }
    assert held == {"changed": ("B", 7), "again": ("C", 8), "late": ("A", 2)}
    version = tables.version("videos")
    assert [replay("again", date(2026, 11, day)) for day in days] == [0, 0, 0]
    assert refresh("after all") == 0
    assert tables.read("videos").num_rows == 3
    assert tables.version("videos") == version + 1  # how far it has come
    assert read_cursor() == tables.version("events")


def test_a_day_is_taken_in_spans_that_are_short_enough(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.refresh.event_slice.SLICE_EVENTS", 3)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    events = [
        {
            **day_event(23, number, **video_row(f"v{number}")),
            "at": midnight + timedelta(hours=3 * number - 3),
        }
        for number in range(1, 10)
    ]
    tables.append_once("events", events, app_id="test", version=1)
    spans = [found.events["event_id"].to_pylist() for found in read_day_slices(tables, date(2026, 11, 23))]
    assert [sorted(span) for span in spans] == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert replay("run", date(2026, 11, 23)) == 8  # the ninth is of the day after


def test_where_the_log_has_lost_what_is_new_all_events_are_taken(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_event(tables, 1, **video_row("v"))
    refresh("run-1")
    append_event(tables, 2, **video_row("w"))
    append_event(tables, 3, **video_row("x"))
    monkeypatch.setattr("jobs.refresh_tables.count_version_rows", lambda lake, first, latest: [(latest, 1)])
    assert refresh("run-2") == 2
    assert tables.read("videos").column("video_id").to_pylist() == ["v", "w", "x"]
    assert read_cursor() == tables.version("events")
