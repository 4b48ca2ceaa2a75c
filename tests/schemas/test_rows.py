"""Rows from outside: parsed into the declared types, or rejected with a reason that names column and value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from schemas.rows import RowFaultError, parse_key, parse_row, parse_value
from schemas.table import Column
from schemas.tables import TABLES, table

USER = {"user_id": "u", "user_name": "ann", "created": "2026-11-23T10:00:00Z"}


@pytest.mark.parametrize(
    ("kind", "given", "held"),
    [
        ("timestamp", "2026-11-23T10:00:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("timestamp", "2026-11-23t10:00:00.1234567z", datetime(2026, 11, 23, 10, 0, 0, 123456, UTC)),
        ("timestamp", "2026-11-23 10:00:00-01:30", datetime(2026, 11, 23, 11, 30, tzinfo=UTC)),
        ("timestamp", datetime(2026, 11, 23, 10), datetime(2026, 11, 23, 10, tzinfo=UTC)),  # noqa: DTZ001
        ("date", "1990-02-28", date(1990, 2, 28)),
        ("date", datetime(1990, 2, 28, tzinfo=UTC), date(1990, 2, 28)),
        ("int64", "-9223372036854775808", -(2**63)),
        ("int64", "3.0", 3),
        ("int64", 3.0, 3),
        ("float64", "1e3", 1000.0),
        ("float64", 7, 7.0),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("binary", "00ff", b"\x00\xff"),
        ("list<string>", '["a", "b,c"]', ["a", "b,c"]),
        ("list<string>", [], []),
    ],
)
def test_a_value_is_held_in_its_declared_type(kind: Any, given: Any, held: Any) -> None:
    found = parse_value(Column("c", kind, "-"), given)
    assert found == held
    assert type(found) is type(held)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("timestamp", "yesterday"),
        ("timestamp", "2026-13-01T00:00:00Z"),
        ("timestamp", "2026-11-23"),
        ("timestamp", "0001-01-01T00:00:00+01:00"),
        ("timestamp", "1677-12-31T23:59:59Z"),
        ("timestamp", datetime(2262, 1, 1, tzinfo=UTC)),
        ("timestamp", "2026-11-23T10:00:00+99:00"),
        ("timestamp", 5),
        ("date", "2026-02-30"),
        ("date", "20260203"),
        ("int64", "3.5"),
        ("int64", "9223372036854775808"),
        ("int64", "1_000"),
        ("int64", "٣"),
        ("int64", True),
        ("int64", float("nan")),
        ("float64", "NaN"),
        ("float64", float("inf")),
        ("boolean", "yes"),
        ("boolean", 1),
        ("binary", "0g"),
        ("string", 42),
        ("string", "a\0b"),
        ("string", "\ud800"),
        ("list<string>", "a"),
        ("list<string>", '["a", null]'),
        ("list<string>", "[" * 100_000),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_value(kind: Any, given: Any) -> None:
    with pytest.raises(RowFaultError, match=r"^colour = .+ is not "):
        parse_value(Column("colour", kind, "-"), given)


def test_a_whole_row_has_defaults_and_nulls_and_nothing_else() -> None:
    video = {
        "video_id": "v", "title": "A", "uploader_id": "u", "status": "ready", "created": "2026-11-23T10:00:00Z",
        "last_event_id": "x", "odd": 1,
    }  # fmt: skip
    row = parse_row(TABLES["videos"], video)
    assert list(row) == [name for name in TABLES["videos"].column_names if name != "last_event_id"]
    assert (row["likes"], row["reasons"], row["visibility"], row["sha256"]) == (0, [], "public", None)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"user_id": "a/b"}, 'user_id = "a/b" is not an id'),
        ({"user_id": "x" * 65}, "is not an id: use 1 to 64 of the characters"),
        ({"user_name": None}, "user_name is missing"),
        ({"user_name": None, "created": 1}, "user_name is missing; created = 1 is not a time"),
    ],
)
def test_all_that_is_wrong_with_a_row_is_told_at_once(more: dict[str, Any], why: str) -> None:
    with pytest.raises(RowFaultError) as raised:
        parse_row(TABLES["users"], {**USER, **more})
    assert why in str(raised.value)


def test_bounds_and_allowed_values_are_told() -> None:
    with pytest.raises(
        RowFaultError, match=r'likes = -1 is below 0.*status = "sideways" is not one of uploading, '
    ):
        parse_row(TABLES["videos"], {"video_id": "v", "status": "sideways", "likes": -1})
    with pytest.raises(RowFaultError, match=r"vmaf = 100\.5 is above 100"):
        parse_value(TABLES["renditions"].column("vmaf"), 100.5)


def test_a_personal_value_is_not_repeated() -> None:
    with pytest.raises(RowFaultError) as raised:
        parse_row(TABLES["users"], {**USER, "date_of_birth": "31.12.1990"})
    assert "date_of_birth" in str(raised.value)
    assert "1990" not in str(raised.value)


def test_a_device_registration_is_no_id() -> None:
    token = "APA91b:" + "x" * 150
    assert parse_row(TABLES["users"], {**USER, "reg_id": token})["reg_id"] == token


def test_a_key_is_checked_alone() -> None:
    assert parse_key(TABLES["users"], {"user_id": "u", "created": "nonsense"}) == {"user_id": "u"}
    with pytest.raises(RowFaultError, match="position_s is missing"):
        parse_key(TABLES["fingerprints"], {"video_id": "v"})


def test_a_pair_comes_lower_id_first_whichever_way_round_it_was_given() -> None:
    friendships = table("friendships")
    given = {"user_id_1": "b", "user_id_2": "B", "created": "2026-11-23T10:00:00Z"}
    assert parse_row(friendships, given) | {"created": None} == {
        "user_id_1": "B",
        "user_id_2": "b",
        "created": None,
    }
    assert parse_key(friendships, given) == {"user_id_1": "B", "user_id_2": "b"}
    with pytest.raises(RowFaultError, match="a pair needs two ids"):
        parse_row(friendships, {**given, "user_id_2": "b"})
