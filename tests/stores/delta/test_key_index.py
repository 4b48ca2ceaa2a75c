"""Key index: lookups find what the table holds, whatever its files are, and read each file once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from schemas.table import Table
from schemas.tables import table
from stores.delta import Lake, key_index
from stores.delta.key_digests import Words
from stores.delta.key_index import index_folder, look_up_keys

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
VIEWS = table("views")


def view(number: int, event_id: int | None = None) -> dict[str, object]:
    return {
        "video_id": f"v{number % 3}", "user_id": f"u{number % 7}", "session_id": f"s{number}", "watched_s": 1.0,
        "created": BEGUN + timedelta(minutes=number), "last_event_id": event_id or number,
    }  # fmt: skip


def look_up(tables: Lake, numbers: list[int]) -> tuple[list[int | None], list[datetime | None]]:
    rows = [view(number) for number in numbers]
    found = look_up_keys(
        tables, VIEWS, [pa.array([row[name] for row in rows], pa.string()) for name in VIEWS.key]
    )
    return found.last_event_ids.to_pylist(), found.born.to_pylist()


def test_rows_of_all_files_are_found_in_the_order_asked(tables: Lake) -> None:
    for start in (0, 100, 200):
        tables.merge("views", [view(number, start + 1_000) for number in range(start, start + 50)])
    numbers = [210, 60, 5, 149, 999]
    events, born = look_up(tables, numbers)
    assert events == [1_200, None, 1_000, 1_100, None]
    assert born == [
        None if event is None else BEGUN + timedelta(minutes=number)
        for number, event in zip(numbers, events, strict=True)
    ]


def test_what_changed_or_went_is_seen_and_only_new_files_are_read(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    build = key_index._build_index

    def count(declared: Table, file: ds.Fragment) -> Words:
        read.append(file.path)
        return build(declared, file)

    monkeypatch.setattr(key_index, "_build_index", count)
    tables.merge("views", [view(1), view(2)])
    tables.merge("views", [view(3)])
    assert look_up(tables, [1, 2, 3])[0] == [1, 2, 3]
    assert look_up(tables, [1, 2, 3])[0] == [1, 2, 3]
    assert len(read) == 2
    tables.merge("views", [view(1, 50)])
    tables.remove("views", [{name: view(3)[name] for name in VIEWS.key}])
    assert look_up(tables, [1, 2, 3])[0] == [50, 2, None]
    assert len(set(read)) == len(read)
    (index_folder(tables, VIEWS) / ".killed.npy.1").touch()
    look_up(tables, [1])
    kept = list(index_folder(tables, VIEWS).iterdir())
    assert len(kept) == len(tables.open("views").file_uris())


def test_an_index_that_is_broken_is_made_anew(tables: Lake) -> None:
    tables.merge("views", [view(1)])
    look_up(tables, [1])
    (kept,) = index_folder(tables, VIEWS).iterdir()
    for damage in (b"", kept.read_bytes()[:100], b"x" * 300):
        kept.write_bytes(damage)
        assert look_up(tables, [1, 2])[0] == [1, None]


def test_keys_with_one_first_digest_are_told_apart_by_the_second() -> None:
    index = np.array([[3, 7, 7, 7, 9], [1, 5, 6, 8, 2], [10, 11, 12, 13, 14], [0] * 5], np.uint64)
    wanted = np.array([[2, 7, 7, 9, 11], [1, 8, 9, 2, 0]], np.uint64)
    asked, found = key_index._match(index, wanted)
    assert dict(zip(asked.tolist(), found.tolist(), strict=True)) == {1: 3, 3: 4}


def test_a_table_without_rows_and_a_question_without_keys(tables: Lake) -> None:
    assert look_up(tables, [1]) == ([None], [None])
    assert look_up(tables, []) == ([], [])
