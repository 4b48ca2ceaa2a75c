"""Whatever a table's files are, a look for keys finds what a question to the table finds; it reads each file once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from schemas.table import Table
from schemas.tables import table
from stores.delta import Lake, held
from stores.delta.held import held_of, index_folder

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
VIEWS = table("views")


@pytest.fixture
def store(tmp_path: Path) -> Lake:
    made = Lake((tmp_path / "lake").as_uri())
    made.ensure()
    return made


def view(number: int, event_id: int | None = None) -> dict[str, object]:
    return {
        "video_id": f"v{number % 3}", "user_id": f"u{number % 7}", "session_id": f"s{number}", "watched_s": 1.0,
        "created": BEGUN + timedelta(minutes=number), "last_event_id": event_id or number,
    }  # fmt: skip


def looked_for(store: Lake, numbers: list[int]) -> tuple[list[int | None], list[datetime | None]]:
    rows = [view(number) for number in numbers]
    found = held_of(store, VIEWS, [pa.array([row[name] for row in rows], pa.string()) for name in VIEWS.key])
    return found.last_event_ids.to_pylist(), found.born.to_pylist()


def test_rows_of_all_files_are_found_in_the_order_asked(store: Lake) -> None:
    for start in (0, 100, 200):
        store.merge("views", [view(number, start + 1_000) for number in range(start, start + 50)])
    numbers = [210, 60, 5, 149, 999]
    events, born = looked_for(store, numbers)
    assert events == [1_200, None, 1_000, 1_100, None]
    assert born == [
        None if event is None else BEGUN + timedelta(minutes=number)
        for number, event in zip(numbers, events, strict=True)
    ]


def test_what_changed_or_went_is_seen_and_only_new_files_are_read(
    store: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    made = held._made

    def counted(declared: Table, file: ds.Fragment) -> held.Words:
        read.append(file.path)
        return made(declared, file)

    monkeypatch.setattr(held, "_made", counted)
    store.merge("views", [view(1), view(2)])
    store.merge("views", [view(3)])
    assert looked_for(store, [1, 2, 3])[0] == [1, 2, 3]
    assert looked_for(store, [1, 2, 3])[0] == [1, 2, 3]
    assert len(read) == 2
    store.merge("views", [view(1, 50)])
    store.remove("views", [{name: view(3)[name] for name in VIEWS.key}])
    assert looked_for(store, [1, 2, 3])[0] == [50, 2, None]
    assert len(set(read)) == len(read)
    kept = list(index_folder(store, VIEWS).iterdir())
    assert len(kept) == len(store.open("views").file_uris())


def test_an_index_that_is_broken_is_made_anew(store: Lake) -> None:
    store.merge("views", [view(1)])
    looked_for(store, [1])
    (kept,) = index_folder(store, VIEWS).iterdir()
    for damage in (b"", kept.read_bytes()[:100], b"x" * 300):
        kept.write_bytes(damage)
        assert looked_for(store, [1, 2])[0] == [1, None]


def test_keys_with_one_first_digest_are_told_apart_by_the_second() -> None:
    index = np.array([[3, 7, 7, 7, 9], [1, 5, 6, 8, 2], [10, 11, 12, 13, 14], [0] * 5], np.uint64)
    wanted = np.array([[2, 7, 7, 9, 11], [1, 8, 9, 2, 0]], np.uint64)
    asked, found = held._matches(index, wanted)
    assert dict(zip(asked.tolist(), found.tolist(), strict=True)) == {1: 3, 3: 4}


def test_a_table_without_rows_and_a_question_without_keys(store: Lake) -> None:
    assert looked_for(store, [1]) == ([None], [None])
    assert looked_for(store, []) == ([], [])
