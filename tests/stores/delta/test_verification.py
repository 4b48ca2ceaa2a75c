"""Verification finds damaged files and doubled keys; doubled rows are removed in one commit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from schemas.errors import StorageError
from schemas.tables import TABLES
from stores.delta import Lake
from stores.delta.replacement import remove_doubled_rows
from stores.delta.verification import verify_table

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ROWS = 20


def event(number: int) -> dict[str, Any]:
    return {
        "event_id": number, "transaction_id": number, "table_name": "videos", "row_key": f"v{number}",
        "kind": "upserted", "row": "{}", "at": AT,
    }  # fmt: skip


@pytest.fixture
def with_events(tables: Lake) -> Lake:
    """A lake whose `events` has two files."""
    for version in (1, 2):
        rows = [event(number) for number in range(ROWS) if number % 2 == version - 1]
        tables.append_once("events", rows, app_id="test", version=version)
    return tables


def data_file(lake: Lake, name: str, number: int = 0) -> Path:
    return Path(unquote(urlsplit(sorted(lake.open(name).file_uris())[number]).path))


def test_empty_tables_are_sound(tables: Lake) -> None:
    found = [verify_table(tables, name) for name in TABLES]
    assert {(one.sound, one.files, one.rows) for one in found} == {(True, 0, 0)}


def test_a_sound_table_is_read_whole(with_events: Lake) -> None:
    found = verify_table(with_events, "events")
    assert (found.sound, found.files, found.rows, found.version) == (True, 2, ROWS, 2)


def test_two_compactions_that_overlap_are_found_and_removed(with_events: Lake) -> None:
    """findings/deltalake-two-compactions-double-rows.sh has the same without our code."""
    first, second = with_events.open("events"), with_events.open("events")
    before = with_events.read("events")
    first.optimize.compact()
    second.optimize.compact()
    assert with_events.read("events").num_rows == 2 * ROWS, "deltalake refuses it now: see the finding"
    found = verify_table(with_events, "events")
    assert (found.doubled_keys, found.rows, found.damaged) == (ROWS, 2 * ROWS, [])
    assert len(found.examples) == 3
    assert set(found.examples) <= {str(number) for number in range(ROWS)}
    version = with_events.version("events")
    assert remove_doubled_rows(with_events, "events") == ROWS
    assert with_events.version("events") == version + 1
    assert with_events.read("events") == before
    assert verify_table(with_events, "events").sound
    assert remove_doubled_rows(with_events, "events") == 0
    assert with_events.version("events") == version + 1


def test_of_two_rows_of_a_key_the_newer_event_stays(tables: Lake) -> None:
    def view(watched_s: float, last_event_id: int) -> dict[str, Any]:
        key = {"video_id": "v", "user_id": "u", "session_id": "s"}
        return {**key, "watched_s": watched_s, "created": AT, "last_event_id": last_event_id}

    schema = tables.read("views").schema
    for one in (view(1, 7), view(2, 9), view(3, 8)):
        rows = pa.Table.from_pylist([one], schema=schema)
        write_deltalake(tables.open("views"), rows, mode="append")
    assert verify_table(tables, "views").examples == ["v/u/s"]
    assert remove_doubled_rows(tables, "views") == 2
    assert tables.read("views")["watched_s"].to_pylist() == [2.0]


def test_a_file_that_is_gone_is_named(with_events: Lake) -> None:
    lost = data_file(with_events, "events")
    lost.unlink()
    found = verify_table(with_events, "events")
    assert [(file.path, file.reason) for file in found.damaged] == [(lost.name, "is missing")]
    assert found.rows == ROWS // 2
    with pytest.raises(StorageError, match="damaged file"):
        remove_doubled_rows(with_events, "events")


@pytest.mark.parametrize("kept", [0, 1, 100, 400])
def test_a_file_that_was_cut_short_is_named(with_events: Lake, kept: int) -> None:
    cut = data_file(with_events, "events", 1)
    cut.write_bytes(cut.read_bytes()[:kept])
    found = verify_table(with_events, "events")
    assert [file.path for file in found.damaged] == [cut.name]
    assert 0 < len(found.damaged[0].reason) <= 160


def test_a_file_of_another_number_of_rows_than_the_log_says_is_named(with_events: Lake) -> None:
    file = data_file(with_events, "events")
    for commit in (file.parent / "_delta_log").glob("*.json"):
        if file.name in (text := commit.read_text()):
            commit.write_text(text.replace(r"numRecords\":10", r"numRecords\":11"))
    found = verify_table(with_events, "events")
    assert [(one.path, one.reason) for one in found.damaged] == [(file.name, "has 10 rows, the log says 11")]
