"""Figures of a day equal counts of its rows; changed days are measured again, and a second run changes nothing."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.measure_engagement import measure
from jobs.spark.session import spark_session
from schemas.surfaces import SURFACES
from stores.delta import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY = date(2026, 11, 20)

pytestmark = pytest.mark.usefixtures("database_url", "spark")


def utc(days: int = 0, hour: int = 12, **more: Any) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, hour, tzinfo=UTC, **more) + timedelta(days=days)


def view(number: int, video: str, user: str, watched_s: float, when: datetime) -> dict[str, Any]:
    key = {"video_id": video, "user_id": user, "session_id": f"s{number}"}
    return {**key, "watched_s": watched_s, "created": when, "last_event_id": number}


def reaction(number: int, video: str, user: str, kind: str, when: datetime) -> dict[str, Any]:
    return {"video_id": video, "user_id": user, "kind": kind, "created": when, "last_event_id": number}


def comment(number: int, video: str, when: datetime) -> dict[str, Any]:
    said = {
        "comment_id": f"c{number}",
        "video_id": video,
        "user_id": "u",
        "text": "so",
        "creation_time": when,
    }
    return {**said, "last_event_id": number}


def active(number: int, user: str, day: int, surface: str = "watch") -> dict[str, Any]:
    seen = {"user_id": user, "day": DAY + timedelta(days=day), "surface": surface}
    return {**seen, "created": utc(day), "last_event_id": number}


def read_versions(tables: Lake) -> list[int]:
    return [tables.version(name) for name in ("engagement_daily", "active_users_daily", "retention")]


def test_a_day_is_what_its_rows_give(tables: Lake) -> None:
    tables.merge(
        "views",
        [
            view(1, "v", "ann", 0.1, utc(hour=0)), view(2, "v", "ann", 0.2, utc()), view(3, "v", "bob", 0.7, utc()),
            view(4, "w", "bob", 9.5, utc(hour=23, minute=59, second=59, microsecond=999_999)),
            view(5, "v", "eve", 5.0, utc(days=1, hour=0)), view(6, "v", "eve", 5.0, utc(days=-1, hour=23)),
        ],
    )  # fmt: skip
    tables.merge(
        "reactions",
        [
            reaction(7, "v", "ann", "like", utc()),
            reaction(8, "x", "bob", "dislike", utc()),
        ],
    )
    tables.merge(
        "comments",
        [
            comment(9, "v", utc()),
            comment(10, "v", utc()),
            comment(11, "v", utc(days=3)),
        ],
    )
    written, days = measure("run", DAY)
    assert days == [DAY]
    found = {row.pop("video_id"): row for row in tables.read("engagement_daily").to_pylist()}
    none = {
        "day": DAY,
        "views": 0,
        "unique_viewers": 0,
        "likes": 0,
        "dislikes": 0,
        "comments": 0,
        "watch_time_s": 0.0,
    }
    assert found == {
        "v": {**none, "views": 3, "unique_viewers": 2, "likes": 1, "comments": 2, "watch_time_s": 1.0,
              "event_id_sum": 32},
        "w": {**none, "views": 1, "unique_viewers": 1, "watch_time_s": 9.5, "event_id_sum": 4},
        "x": {**none, "dislikes": 1, "event_id_sum": 8},
    }  # fmt: skip
    assert written == 3
    before = read_versions(tables)
    assert measure("again", DAY) == (0, [DAY])
    assert read_versions(tables) == before


def test_days_that_have_changed_are_measured_again_and_others_left_alone(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.merge("reactions", [reaction(n, "v", f"u{n}", "like", utc(days=-n)) for n in range(1, 5)])
    tables.merge("activity", [active(21, "ann", -2), active(22, "ann", -1)])
    monkeypatch.setattr(
        "jobs.measure_engagement._query_days", lambda _query: [DAY - timedelta(days=n) for n in (4, 3, 2)]
    )
    measure("run 1", DAY - timedelta(days=1))  # four days at once
    monkeypatch.undo()
    tables.remove("reactions", [{"video_id": "v", "user_id": "u3"}])  # taken back
    tables.merge("reactions", [reaction(9, "v", "late", "like", utc(days=-2))])  # came late
    tables.merge("reactions", [reaction(10, "v", "u4", "dislike", utc(days=-4))])  # changed
    tables.merge("activity", [active(23, "bob", -2)])  # late, in the months of two measured days
    _, days = measure("run", DAY)
    assert days == [DAY - timedelta(days=number) for number in (4, 3, 2, 0)]
    found = {
        row["day"]: (row["likes"], row["dislikes"]) for row in tables.read("engagement_daily").to_pylist()
    }
    assert found == {
        DAY - timedelta(days=1): (1, 0), DAY - timedelta(days=2): (2, 0), DAY - timedelta(days=4): (0, 1),
    }  # fmt: skip
    counts = {
        row["day"]: (row["users"], row["users_7d"])
        for row in tables.read("active_users_daily").to_pylist()
        if row["surface"] == "all" and row["day"] >= DAY - timedelta(days=2)
    }
    assert counts == {DAY - timedelta(days=2): (2, 2), DAY - timedelta(days=1): (1, 2), DAY: (0, 2)}
    assert measure("again", DAY)[0] == 0


def test_active_users_by_day_week_and_month_and_who_came_back(tables: Lake) -> None:
    tables.merge(
        "activity",
        [
            active(1, "ann", 0), active(2, "ann", 0, "chat"), active(3, "bob", 0), active(4, "eve", -6),
            active(5, "ann", -6), active(6, "old", -7), active(7, "older", -29), active(8, "oldest", -30),
            active(9, "next", 1), active(10, "searcher", -20, "search"),
        ],
    )  # fmt: skip
    people = [
        {"user_id": user, "user_name": user, "created": utc(days=day), "last_event_id": n}
        for n, (user, day) in enumerate([("ann", -2), ("eve", -2), ("bob", 0), ("old", -31)], 1)
    ]
    tables.merge("users", people)
    measure("run", DAY)
    rows = tables.read("active_users_daily").to_pylist()
    exact = {row["surface"]: (row["users"], row["users_7d"], row["users_30d"]) for row in rows}
    assert exact == {"watch": (2, 3, 5), "chat": (1, 1, 1), "search": (0, 0, 1), "all": (2, 3, 6)}
    # Few users are counted exactly by a sketch too.
    estimates = {row["surface"]: (row["users_7d_estimate"], row["users_30d_estimate"]) for row in rows}
    assert estimates == {surface: counts[1:] for surface, counts in exact.items()}
    assert set(exact) - {"all"} <= set(SURFACES)
    came_back = tables.read("retention").to_pylist()
    found = {(row["cohort"], row["days_after"]): (row["users"], row["active"]) for row in came_back}
    assert found == {(DAY - timedelta(days=2), 2): (2, 1), (DAY, 0): (1, 1)}


def test_sketches_can_be_merged_by_who_reads_them_and_are_as_near_as_they_say(tables: Lake) -> None:
    spark: SparkSession = spark_session("tests")
    people = 20_000
    tables.merge("activity", [active(n, f"u{n % people}", -(n % 2)) for n in range(1, 2 * people)])
    tables.merge("activity", [active(10**6 + n, f"u{n}", -1, "chat") for n in range(0, people, 2)])
    for day in (-1, 0):
        measure(f"run {day}", DAY + timedelta(days=day))
    rows = [row for row in tables.read("active_users_daily").to_pylist() if row["surface"] == "all"]
    sketches = spark.createDataFrame([(row["sketch"],) for row in rows], "sketch binary")
    [merged] = sketches.selectExpr("hll_sketch_estimate(hll_union_agg(sketch)) AS users").collect()
    last = rows[-1]
    assert last["users_7d"] == people
    assert merged["users"] == last["users_7d_estimate"] == last["users_30d_estimate"]
    assert abs(merged["users"] / people - 1) < 4 * 1.04 / math.sqrt(2**12)


def test_days_in_any_order_make_the_same_tables(tables: Lake) -> None:
    names = ("engagement_daily", "active_users_daily", "retention")
    tables.merge(
        "views",
        [view(n, f"v{n % 3}", f"u{n % 7}", n / 7, utc(days=-(n % 2))) for n in range(1, 60)],
    )
    tables.merge("activity", [active(n, f"u{n % 701}", -(n % 2)) for n in range(1, 1_403)])

    def outcome(order: list[date]) -> list[Any]:
        for name in names:
            tables.open(name).delete()
        for day in order:
            measure(f"run {day}", day)
        return [tables.read(name).to_pylist() for name in names]

    days = [DAY - timedelta(days=1), DAY]
    forward = outcome(days)
    assert all(forward[:2])
    assert outcome(days[::-1]) == forward
