"""Slices applied by either engine give the same rows, the same rejected rows and reasons, and the same cursor."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.refresh.event_slice import read_new_slices
from jobs.refresh_tables import read_cursor, refresh
from schemas.settings import settings
from stores.delta import Lake
from stores.delta.event_log import count_version_rows
from stores.outbox import upsert_row
from stores.postgres import connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Event = dict[str, Any]

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SLICES, EVENTS_A_SLICE, KEYS = 2, 200, 25
ARROW, SPARK = "10000", "0"
ODD: list[Any] = [
    None, True, 0, -1, 2**53 + 1, 2**63 - 1, 2**63, 10**400, -(2**63), 0.5, 1e308, "", "0", "5", " ", "ready", "a/b",
    "naïve 🎞 \u202e \u0000", "\ud800", [], [None], ["x", 1], ["é", ""], {}, {"video_id": "v"}, "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1582-10-10T01:02:03.000004+05:30", "2026-11-23 10:00:00",
    "2026-11-23", "0001-01-01T00:00:00+01:00", "x" * 300,
]  # fmt: skip
BROKEN = [
    "",
    "not JSON",
    "[]",
    "null",
    "3",
    '{"video_id": NaN}',
    "{" * 50,
    "[" * 100_000,
    '{"likes": 1' + "0" * 5000 + "}",
]


def build_row(table_name: str, key: str, chance: random.Random) -> Event:
    """A valid row."""
    if table_name == "users":
        return {"user_id": key, "user_name": f"name of {key} {chance.choice('äß🎬')}", "last_login": None,
                "created": "2026-11-23T10:00:00.000001Z"}  # fmt: skip
    return {
        "video_id": key, "title": chance.choice(["A", "Ü", "'; --", '"\\\n\t']), "description": None,
        "size_bytes": chance.choice([None, 0, 2**63 - 1]), "thumbnail_url": None, "uploader_id": "u",
        "likes": chance.randrange(9), "dislikes": 0, "views": 2**53 + 1, "duration_s": chance.choice([None, 0, 12.25]),
        "status": chance.choice(["ready", "failed"]), "reasons": chance.choice([[], ["cut short", "é"]]),
        "duplicate_of": None, "visibility": "public", "sha256": "0" * 64, "package": None,
        "created": (AT + timedelta(microseconds=chance.randrange(10**6))).isoformat(), "unknown": 1,
    }  # fmt: skip


def generate_events(chance: random.Random) -> Iterator[Event]:
    """Valid events, invalid and missing values, deletions, repeats, broken JSON, other tables; ids out of order."""
    ids = chance.sample(range(1, 10**6), SLICES * EVENTS_A_SLICE)
    for event_id in ids:
        table_name = chance.choice(["videos", "videos", "users", "friendships"])
        key = f"{table_name}-{chance.randrange(KEYS)}"
        row = build_row(table_name, key, chance)
        flaw = chance.random()
        if flaw < 0.3:
            row[chance.choice(list(row))] = chance.choice(ODD)
        elif flaw < 0.4:
            del row[chance.choice(list(row))]
        text = (
            chance.choice(BROKEN)
            if flaw > 0.93
            else json.dumps(row, ensure_ascii=chance.random() < 0.5 or flaw < 0.3)
        )
        kind = "deleted" if chance.random() < 0.25 else "upserted"
        if kind == "deleted" and chance.random() < 0.5:
            text = json.dumps({name: row[name] for name in row if name.endswith("_id")})
        yield {
            "event_id": event_id, "transaction_id": 1, "table_name": table_name, "row_key": key, "kind": kind,
            "row": text, "at": AT + timedelta(seconds=event_id),
        }  # fmt: skip


def generate_slices(seed: int) -> list[list[Event]]:
    """Appends of the sink, one version of `events` each; some events occur twice, also in a later slice."""
    chance = random.Random(seed)
    made = list(generate_events(chance))
    slices = [made[start::SLICES] for start in range(SLICES)]
    for one in slices[1:]:
        one += chance.sample(slices[0], 5)
    return [one + one[:3] for one in slices]


@pytest.fixture
def outcome(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Content of a lake of its own after the slices were applied, each by the given engine."""

    def outcome(made: list[list[Event]], *engines: str) -> dict[str, Any]:
        uri = (tmp_path / "-".join(engines)).as_uri()
        monkeypatch.setenv("NEWSREEL_LAKE_URI", uri)
        settings.cache_clear()
        tables, changed, cursors = Lake(uri), [], []
        tables.ensure()
        for number, (rows, engine) in enumerate(zip(made, engines, strict=True), 1):
            tables.append_once("events", rows, app_id="test", version=number)
            monkeypatch.setenv("NEWSREEL_REFRESH_SMALL_EVENTS", engine)
            settings.cache_clear()
            changed.append(refresh(f"run {number}"))
            cursors.append(read_cursor())
        held = {name: tables.read(name).to_pylist() for name in ("users", "videos", "rejected_rows")}
        checked = tables.read("quality_results").drop_columns("at").to_pylist()
        return {**held, "quality_results": checked, "changed": changed, "cursors": cursors}

    return outcome


def test_both_engines_and_a_mixture_leave_the_same(
    spark: SparkSession, outcome: Callable[..., dict[str, Any]]
) -> None:
    with connect() as connection:
        person = {"user_name": "ann", "email": "ann@example.org", "created": AT}
        upsert_row(connection, "users", {"user_id": "users-1"}, person)
    made = generate_slices(1)
    small = outcome(made, ARROW, ARROW)
    assert small == outcome(made, SPARK, SPARK)
    assert small == outcome(made, ARROW, SPARK)
    assert len(small["videos"]) > KEYS / 2
    assert len(small["rejected_rows"]) > 20
    assert small["cursors"] == [1, 2]
    assert all(small["changed"])


@pytest.mark.parametrize("seed", [2, 4, 5])
def test_however_events_are_cut_into_slices_the_tables_are_the_same(
    outcome: Callable[..., dict[str, Any]], seed: int
) -> None:
    made = generate_slices(seed)
    cut, whole = outcome(made, ARROW, ARROW), outcome([[*made[0], *made[1]]], ARROW)
    for name in ("users", "videos"):
        assert cut[name] == whole[name], name
    # Of repeated texts the first rejected one is recorded, which depends on the cut.
    refused = [{row["rejected_id"] for row in found["rejected_rows"]} for found in (cut, whole)]
    assert refused[0] == refused[1]


def test_slices_are_short_and_moved_rows_are_no_events(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, rows in enumerate(generate_slices(3), 1):
        tables.append_once("events", rows, app_id="test", version=number)
    total = sum(map(len, generate_slices(3)))
    tables.open("events").optimize.compact()
    [whole] = read_new_slices(tables, count_version_rows(tables, 0, 3))
    assert (whole.events.num_rows, whole.end) == (total, 3)
    assert whole.list_tables() == {"users", "videos", "friendships"}
    monkeypatch.setattr("jobs.refresh.event_slice.SLICE_EVENTS", total - 1)
    assert len(list(read_new_slices(tables, count_version_rows(tables, 0, 3)))) == 1, (
        "a short remainder gets no slice of its own"
    )
    monkeypatch.setattr("jobs.refresh.event_slice.SLICE_EVENTS", max(map(len, generate_slices(3))))
    assert [
        (found.events.num_rows, found.end)
        for found in read_new_slices(tables, count_version_rows(tables, 0, 3))
    ] == [
        (len(generate_slices(3)[0]), 1),
        (len(generate_slices(3)[1]), 3),
    ]
