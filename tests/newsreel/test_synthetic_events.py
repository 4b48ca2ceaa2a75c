"""Synthetic days: deterministic by seed, with late, duplicated, shuffled and invalid events."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from jobs.refresh.event_slice import EventSlice
from newsreel.synthetic_events import EventStream
from newsreel.synthetic_events.__main__ import main
from schemas.errors import ConflictError
from schemas.tables import table
from stores.delta import Lake

FIRST = date(2026, 1, 1)
EVENTS = 20_000


def generate_days(seed: int, count: int = 3) -> list[pa.Table]:
    stream = EventStream(seed, users=500, videos=50, first=FIRST)
    return [stream.generate_initial(), *(stream.generate_day(EVENTS) for _ in range(count))]


def test_the_same_seed_makes_the_same_events_and_another_makes_others() -> None:
    assert all(one.equals(other) for one, other in zip(generate_days(1, 2), generate_days(1, 2), strict=True))
    assert not generate_days(1, 1)[1].equals(generate_days(2, 1)[1])


def test_a_day_has_about_so_many_events_of_all_kinds() -> None:
    initial, *later = generate_days(1)
    assert initial.num_rows == 550
    for day in later:
        assert abs(day.num_rows / EVENTS - 1) < 0.05
    kinds = Counter(zip(later[1]["table_name"].to_pylist(), later[1]["kind"].to_pylist(), strict=True))
    assert {
        ("reactions", "deleted"),
        ("comments", "deleted"),
        ("users", "upserted"),
        ("videos", "upserted"),
    } < set(kinds)
    viewers = Counter(key.split("/")[0] for key in later[0]["row_key"].to_pylist() if key.count("/") == 2)
    busiest = viewers.most_common()
    assert busiest[0][1] > 5 * busiest[len(busiest) // 2][1]  # Zipf


def test_some_come_late_some_twice_some_out_of_order_and_some_wrong() -> None:
    _, *later = generate_days(3)
    at: list[datetime] = later[2]["at"].to_pylist()
    assert any(moment.date() < FIRST + timedelta(days=2) for moment in at)
    ids = [event_id for day in later for event_id in day["event_id"].to_pylist()]
    assert 0 < len(ids) - len(set(ids)) < len(ids) / 100
    assert ids != sorted(ids)
    wrong = [day.filter(pc.invert(pc.starts_with(day["row"], "{"))).num_rows for day in later]
    assert 0 < sum(wrong) < 30


def test_all_but_the_wrong_ones_are_rows_as_their_tables_declare_them() -> None:
    for day in generate_days(1, 2):
        for name in EventSlice(day).list_tables():
            read = EventSlice(day).parse(table(name))
            refused = read.filter(pc.is_valid(read["reason"]))
            assert set(refused["reason"].to_pylist()) <= {"not a JSON object"}


def test_the_program_adds_days_and_leaves_a_lake_that_is_in_use_alone(tables: Lake) -> None:
    few = ["--users=20", "--videos=5"]
    assert main(["--sizes=300", *few]) == 0
    once = tables.read("events").num_rows
    assert main(["--sizes=300,200", "--skip=1", *few]) == 0
    assert 180 < tables.read("events").num_rows - once < 230
    tables.append_once("events", [], app_id="lake-sink", version=1)
    with pytest.raises(ConflictError, match="a lake of its own"):
        main(["--sizes=10", *few])
