"""Readers of the outbox: every event after the cursor, in order, at least once, settled ones only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from stores.outbox import upsert_row
from stores.outbox.partitions import maintain_partitions, partition_name
from stores.outbox.reader import Event, handle_events, measure_lag
from stores.postgres import Connection, connect

pytestmark = pytest.mark.usefixtures("database_url")
AT = datetime(2026, 11, 23, tzinfo=UTC)


def happen(connection: Connection, user_id: str) -> None:
    upsert_row(connection, "users", {"user_id": user_id}, {"user_name": user_id, "created": AT})
    connection.commit()


def handle(connection: Connection, tables: tuple[str, ...] = ("users",)) -> list[str]:
    keys: list[str] = []
    handle_events(connection, "reader", tables, lambda event: keys.append(event["row_key"]))
    return keys


def test_each_event_is_handed_out_once_and_others_are_passed() -> None:
    with connect() as connection:
        happen(connection, "a")
        happen(connection, "b")
        assert handle(connection, ("videos",)) == []
        assert measure_lag(connection, "reader") == 0
        happen(connection, "c")
        assert handle(connection) == ["c"]
        assert handle(connection) == []


def test_an_event_that_could_not_be_handled_comes_again_and_none_before_it() -> None:
    def fails_on_b(event: Event) -> None:
        if event["row_key"] == "b":
            raise OSError
        seen.append(event["row_key"])

    seen: list[str] = []
    with connect() as connection:
        for user_id in "abc":
            happen(connection, user_id)
        for _ in range(2):
            with pytest.raises(OSError):  # noqa: PT011 - it is ours
                handle_events(connection, "reader", ("users",), fails_on_b)
        assert seen == ["a"]
        assert handle(connection) == ["b", "c"]


def test_an_open_transaction_holds_back_what_came_after_it() -> None:
    with connect() as early, connect() as late:
        upsert_row(early, "users", {"user_id": "early"}, {"user_name": "early", "created": AT})
        happen(late, "late")
        assert handle(late) == []
        early.commit()
        assert handle(late) == ["early", "late"]


def test_one_process_reads_for_a_consumer() -> None:
    with connect() as first, connect() as second:
        happen(first, "a")
        others: list[list[str]] = []
        handle_events(first, "reader", ("users",), lambda _: others.append(handle(second)))
        assert others == [[]]


def test_partitions_are_there_ahead_of_their_day_and_go_once_everybody_has_read_them() -> None:
    today = datetime.now(UTC).date()
    with connect() as connection:

        def exists(day: date) -> bool:
            [row] = connection.execute("SELECT to_regclass(%s) AS name", (partition_name(day),)).fetchall()
            connection.commit()
            return row["name"] is not None

        assert exists(today)
        assert exists(today + timedelta(7))
        happen(connection, "a")
        later = today + timedelta(30)
        maintain_partitions(connection, later)
        assert exists(later)
        assert exists(today), "nobody has read it"
        assert handle(connection) == ["a"]
        maintain_partitions(connection, later)
        assert not exists(today)
        happen(connection, "b")
        assert handle(connection) == ["b"], "a day without a partition has the default one"
