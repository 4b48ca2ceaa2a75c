"""Bulk changes of live rows: one event each, repeatable, unique values unique, no deadlocks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ConflictError
from stores.outbox import bulk, delete_rows, find_row, upsert_row, upsert_rows
from stores.postgres import Connection, connect

AT = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
COLUMNS = ["user_id", "user_name", "email", "created"]

pytestmark = pytest.mark.usefixtures("database_url", "tables")


def users(names: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "user_id": user_id,
            "user_name": user_name,
            "email": f"{user_id}@b",
            "created": AT,
            "position": number,
        }
        for number, (user_id, user_name) in enumerate(names, 1)
    ]


def bring(names: Iterable[tuple[str, str]]) -> tuple[int, list[tuple[int, str]]]:
    """Upsert users; returns how many changed, and position and reason of each that was refused."""
    refused: list[tuple[int, str]] = []
    with connect() as connection:
        changed = upsert_rows(
            connection, "users", COLUMNS, [users(names)], lambda at, _row, why: refused.append((at, why))
        )
    return changed, refused


def read_names() -> dict[str, str]:
    with connect() as connection:
        rows = connection.execute("SELECT user_id, user_name FROM users").fetchall()
    return {row["user_id"]: row["user_name"] for row in rows}


def events(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT row_key, kind FROM events ORDER BY event_id").fetchall()
    return [(row["row_key"], row["kind"]) for row in rows]


def test_each_changed_row_has_one_event_and_a_repeat_has_none() -> None:
    assert bring([("b", "bob"), ("a", "ann")]) == (2, [])
    assert bring([("b", "bob"), ("a", "ann")]) == (0, [])
    assert bring([("b", "rob"), ("a", "ann")]) == (1, [])
    with connect() as connection:
        assert events(connection) == [("a", "upserted"), ("b", "upserted"), ("b", "upserted")]
        row = connection.execute("SELECT row FROM events ORDER BY event_id DESC").fetchone()
        one_by_one = {"user_name": "rob", "email": "c@b", "created": AT}
        upsert_row(connection, "users", {"user_id": "a"}, {**one_by_one, "user_name": "sue"})
        single = connection.execute("SELECT row FROM events ORDER BY event_id DESC").fetchone()
    assert row is not None
    assert single is not None
    assert row["row"] == single["row"].replace('"a"', '"b"').replace("sue", "rob")
    assert "@b" not in row["row"]


def test_columns_that_are_not_brought_keep_what_they_hold() -> None:
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "a"}, {"user_name": "ann", "name": "Ann", "created": AT})
    bring([("a", "anne")])
    with connect() as connection:
        row = find_row(connection, "users", {"user_id": "a"})
    assert row is not None
    assert (row["user_name"], row["name"], row["email"]) == ("anne", "Ann", "a@b")


def test_a_unique_value_that_another_row_keeps_is_refused() -> None:
    bring([("a", "ann")])
    changed, refused = bring([("b", "ann"), ("c", "carl"), ("d", "carl")])
    assert changed == 1
    assert refused == [
        (1, 'user_name = "ann" is taken by a, and must be unique'),
        (3, 'user_name = "carl" is taken by row 2 of the file, and must be unique'),
    ]


def test_unique_values_may_go_round_in_a_circle() -> None:
    bring([("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")])
    assert bring([("a", "2"), ("b", "3"), ("c", "1"), ("e", "4"), ("d", "5")]) == (5, [])
    assert read_names() == {"a": "2", "b": "3", "c": "1", "d": "5", "e": "4"}
    with connect() as connection:
        assert len(events(connection)) == 9


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.dictionaries(st.sampled_from("abcde"), st.sampled_from("12345"), max_size=5),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_is_brought_a_repeat_changes_nothing(files: list[dict[str, str]]) -> None:
    for names in files:
        bring(names.items())
        once = read_names()
        assert bring(names.items())[0] == 0
        assert read_names() == once


def test_deleted_rows_are_gone_with_an_event_that_says_no_more_than_the_key() -> None:
    bring([("a", "ann"), ("b", "bob")])
    with connect() as connection:
        keys = [{"user_id": "b", "position": 1}, {"user_id": "nobody", "position": 2}]
        assert delete_rows(connection, "users", [keys]) == 1
        assert delete_rows(connection, "users", [keys]) == 0
        assert events(connection)[2:] == [("b", "deleted")]
        row = connection.execute("SELECT row FROM events WHERE kind = 'deleted'").fetchone()
    assert row is not None
    assert json.loads(row["row"]) == {"user_id": "b"}
    assert read_names() == {"a": "ann"}


def test_many_rows_are_applied_a_lot_at_a_time_in_the_order_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LOT_ROWS", 10)
    names = [(f"u{number:02}", f"n{number}") for number in range(25)]
    assert bring(reversed(names)) == (25, [])
    with connect() as connection:
        assert [key for key, _ in events(connection)] == [key for key, _ in names]
        rows = connection.execute("SELECT count(DISTINCT transaction_id) AS lots FROM events").fetchall()
    assert rows == [{"lots": 3}]


def test_imports_of_the_same_rows_at_the_same_time_end_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LOT_ROWS", 50)
    names = [(f"u{number:03}", f"n{number}") for number in range(200)]
    orders = [names, names[::-1], names[100:] + names[:100], names[::2] + names[1::2]]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(bring, orders))
    assert sum(changed for changed, _ in answers) == 200
    assert all(refused == [] for _, refused in answers)
    assert read_names() == dict(names)


def test_a_name_that_somebody_takes_meanwhile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    upsert = bulk._upsert

    def late(*arguments: Any) -> int:
        monkeypatch.setattr(bulk, "_upsert", upsert)
        with connect() as other:
            upsert_row(other, "users", {"user_id": "x"}, {"user_name": "ann", "created": AT})
        return upsert(*arguments)

    monkeypatch.setattr(bulk, "_upsert", late)
    changed, refused = bring([("a", "ann"), ("b", "bob")])
    assert (changed, [at for at, _ in refused]) == (1, [1])
    assert read_names() == {"x": "ann", "b": "bob"}


def test_a_row_that_somebody_keeps_locked_is_told_and_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring([("a", "ann")])
    monkeypatch.setattr(bulk, "LOCK_TIMEOUT_MS", 200)
    with connect() as other:
        find_row(other, "users", {"user_id": "a"}, lock=True)
        with pytest.raises(ConflictError, match="keeps rows locked"):
            bring([("a", "anne")])
        other.rollback()
