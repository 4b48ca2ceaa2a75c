"""Outbox and lake sink: a row and its event in one transaction, and every event in the lake once, in order."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import psycopg
import pytest

from schemas.errors import ConflictError, NotFoundError
from stores.delta import Lake
from stores.outbox import find_row, lake_sink, upsert_row
from stores.outbox.lake_sink import drain, measure_lag
from stores.postgres import Connection, connect

AT = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
VIDEO = {"title": "A", "uploader_id": "u", "status": "inspecting", "sha256": "0" * 64, "created": AT}

pytestmark = pytest.mark.usefixtures("database_url", "tables")


def events(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT row_key, kind FROM events ORDER BY event_id").fetchall()
    return [(row["row_key"], row["kind"]) for row in rows]


def bring(connection: Connection, number: int) -> None:
    upsert_row(connection, "videos", {"video_id": f"v{number}"}, VIDEO)


def test_a_change_and_its_event_are_one_transaction() -> None:
    with connect() as connection:

        def half_way() -> None:
            with connection.transaction():
                bring(connection, 1)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half_way()
        assert find_row(connection, "videos", {"video_id": "v1"}) is None
        assert events(connection) == []
        bring(connection, 1)
        assert events(connection) == [("v1", "upserted")]


def test_a_change_that_changes_nothing_writes_no_event() -> None:
    with connect() as connection:
        assert upsert_row(connection, "videos", {"video_id": "v1"}, VIDEO)
        assert not upsert_row(connection, "videos", {"video_id": "v1"}, VIDEO)
        assert upsert_row(
            connection, "videos", {"video_id": "v1"}, {"status": "rejected", "reasons": ["cut short"]}
        )
        assert not upsert_row(connection, "videos", {"video_id": "v1"}, {"reasons": ["cut short"]})
        assert len(events(connection)) == 2


def test_an_event_carries_the_whole_row_but_nothing_personal() -> None:
    person = {
        "user_name": "ann",
        "name": "Ann",
        "email": "a@b",
        "date_of_birth": date(1990, 1, 1),
        "created": AT,
    }
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u"}, person)
        row = connection.execute("SELECT row FROM events").fetchone()
    assert row is not None
    assert json.loads(row["row"]) == {
        "user_id": "u",
        "last_login": None,
        "created": "2026-11-23T10:00:00.123456Z",
    }


def test_a_table_that_postgresql_does_not_hold_is_refused() -> None:
    with connect() as connection, pytest.raises(NotFoundError, match="chunks is not a live table"):
        upsert_row(connection, "chunks", {"video_id": "v"}, {})


def test_a_value_that_breaks_the_declaration_is_refused_by_the_database() -> None:
    with connect() as connection, pytest.raises(psycopg.errors.CheckViolation):
        upsert_row(connection, "videos", {"video_id": "v"}, {**VIDEO, "status": "odd"})


def test_every_event_is_in_the_lake_once(tables: Lake) -> None:
    with connect() as connection:
        for number in range(5):
            bring(connection, number)
            connection.commit()
        assert measure_lag(connection) == 5
        assert drain(connection, tables) == 5
        assert drain(connection, tables) == 0
        assert measure_lag(connection) == 0
    assert tables.read("events").column("row_key").to_pylist() == ["v0", "v1", "v2", "v3", "v4"]


def test_an_event_whose_transaction_is_still_open_is_not_skipped(tables: Lake) -> None:
    with connect() as early, connect() as late, connect() as reader:
        bring(early, 1)  # takes the lower id, commits last
        bring(late, 2)
        late.commit()
        drained = drain(reader, tables)
        early.commit()
        assert drained + drain(reader, tables) == 2
    assert sorted(tables.read("events").column("row_key").to_pylist()) == ["v1", "v2"]


@pytest.mark.parametrize("point", ["before the append", "after the append"])
def test_a_sink_that_dies_in_a_batch_loses_nothing_and_doubles_nothing(
    tables: Lake, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    append = Lake.append_once

    def dies(*arguments: object, **more: object) -> bool:
        if point == "after the append":
            append(*arguments, **more)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with connect() as connection:
        bring(connection, 1)
    monkeypatch.setattr(Lake, "append_once", dies)
    with connect() as connection, pytest.raises(KeyboardInterrupt):
        drain(connection, tables)
    monkeypatch.setattr(Lake, "append_once", append)
    with connect() as connection:
        bring(connection, 2)
    with connect() as connection:
        drain(connection, tables)
    assert tables.read("events").column("row_key").to_pylist() == ["v1", "v2"]


def test_batches_are_bounded_and_nothing_is_left(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_sink, "BATCH_EVENTS", 2)
    with connect() as connection:
        for number in range(5):
            bring(connection, number)
        connection.commit()
        assert drain(connection, tables) == 5
    assert tables.transaction_version("events", "lake-sink") == 3


def test_one_sink_works_at_a_time(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Lake.append_once
    second: list[int] = []

    def meanwhile(*arguments: object, **more: object) -> bool:
        with connect() as other:
            second.append(drain(other, tables))
        return append(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "append_once", meanwhile)
    with connect() as connection:
        bring(connection, 1)
    with connect() as connection:
        assert drain(connection, tables) == 1
    assert second == [0]


def test_a_restored_database_is_noticed(tables: Lake) -> None:
    with connect() as connection:
        connection.execute(
            "INSERT INTO consumers (consumer, transaction_id) VALUES ('lake-sink', '999999999')"
        )
        connection.commit()
        with pytest.raises(ConflictError, match="restored from a dump"):
            drain(connection, tables)
