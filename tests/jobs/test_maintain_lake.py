"""Maintenance of the lake changes no query result: fewer files, erased users, time travel within the retention."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from jobs import maintain_lake
from jobs.maintain_lake import maintain
from jobs.refresh_tables import refresh, replay
from schemas.settings import settings
from schemas.tables import LIVE_TABLES
from stores.delta import Lake
from stores.delta.maintenance import (
    ERASED,
    SMALL_FILES,
    clean_up_log,
    compact,
    erase_deleted,
    erase_rejected,
    measure_size,
    vacuum,
)
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.outbox import drain_all

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
PERSON = {
    "user_name": "canary-nick", "name": "Canary Quux", "email": "canary@quux.example",
    "date_of_birth": date(1987, 6, 5), "reg_id": "canary-device",
}  # fmt: skip
CANARIES = (b"canary", b"Canary", b"1987-06-05")

pytestmark = pytest.mark.usefixtures("database_url")


def find_files_with(tables: Lake, *canaries: bytes) -> list[str]:
    folder = Path(urlsplit(tables.uri).path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        str(path.relative_to(folder)) for path in files if any(one in path.read_bytes() for one in canaries)
    ]


def drain_outbox(tables: Lake) -> None:
    with connect() as connection:
        drain_all(connection, tables)


def read_live_tables(tables: Lake) -> dict[str, list[dict[str, Any]]]:
    return {declared.name: tables.read(declared.name).to_pylist() for declared in LIVE_TABLES}


def add_view(number: int) -> None:
    key = {"video_id": "v", "user_id": "u", "session_id": f"s{number}"}
    with connect() as connection:
        upsert_row(connection, "views", key, {"watched_s": float(number), "created": AT})


def test_who_is_gone_is_in_no_file_once_the_retention_is_over(tables: Lake) -> None:
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u1"}, {**PERSON, "created": AT})
        upsert_row(connection, "users", {"user_id": "u2"}, {"user_name": "stays", "created": AT})
        said = {"video_id": "v", "user_id": "u1", "text": "canary was here", "creation_time": AT}
        upsert_row(connection, "comments", {"comment_id": "c"}, said)
        upsert_row(
            connection,
            "posts",
            {"post_id": "p"},
            {"user_id": "u1", "content": "Canary!", "creation_time": AT},
        )
    drain_outbox(tables)
    refresh("run-1")
    assert {name.split("/")[0] for name in find_files_with(tables, *CANARIES)} == {
        "users",
        "comments",
        "posts",
        "events",
    }
    assert not [name for name in find_files_with(tables, *CANARIES) if "_delta_log" in name]
    assert not [
        name for name in find_files_with(tables, *CANARIES[:1], b"Quux") if name.startswith("quality")
    ]
    with connect() as connection:
        for name, column, key in (
            ("comments", "user_id", "u1"),
            ("posts", "user_id", "u1"),
            ("users", "user_id", "u1"),
        ):
            connection.execute(f"DELETE FROM {name} WHERE {column} = %s".encode(), (key,))
    drain_outbox(tables)
    refresh("run-2")
    before = read_live_tables(tables)
    assert [row["user_id"] for row in before["users"]] == ["u2"]
    assert erase_deleted(tables, TOMORROW) == 3
    for name in ("users", "comments", "posts", "events"):
        vacuum(tables, name, 0)
    assert find_files_with(tables, *CANARIES) == []
    # The deletions stay, and a full replay gives the same tables.
    assert tables.query("SELECT count(*) AS n FROM events WHERE kind = 'deleted'").to_pylist() == [{"n": 3}]
    assert replay("run-3", datetime.now(UTC).date()) == 0
    assert read_live_tables(tables) == before
    assert erase_deleted(tables, TOMORROW) == 0


def test_what_was_deleted_later_than_asked_stays(tables: Lake) -> None:
    with connect() as connection:
        upsert_row(
            connection, "posts", {"post_id": "p"}, {"user_id": "u", "content": "x", "creation_time": AT}
        )
        connection.execute("DELETE FROM posts")
    drain_outbox(tables)
    assert erase_deleted(tables, datetime.now(UTC) - timedelta(hours=1)) == 0


def test_what_was_refused_is_forgotten_when_it_is_old_or_names_who_is_gone(tables: Lake) -> None:
    now = datetime.now(UTC)
    kept = {"table_name": "comments", "run_id": "r", "reason": "text: too long"}
    texts = {
        "old": '{"text": "Canary said"}',
        "gone": '{"comment_id": "c", "user_id": "u1", "text": "Canary spoke"}',
        "near": '{"user_id": "u11", "text": "stays"}',
    }
    ages = {"old": 9, "gone": 1, "near": 1}
    tables.merge(
        "rejected_rows",
        [
            {**kept, "rejected_id": name, "row": text, "at": now - timedelta(days=ages[name])}
            for name, text in texts.items()
        ],
    )
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u1"}, {**PERSON, "created": AT})
        connection.execute("DELETE FROM users")
    drain_outbox(tables)
    assert erase_rejected(tables, now + timedelta(hours=1), 7) == 2
    vacuum(tables, "rejected_rows", 0)
    rows = {row["rejected_id"]: row for row in tables.read("rejected_rows").to_pylist()}
    assert {name: row["row"] for name, row in rows.items()} == {**texts, "old": ERASED, "gone": ERASED}
    assert {row["reason"] for row in rows.values()} == {"text: too long"}
    assert [name for name in find_files_with(tables, b"Canary") if name.startswith("rejected")] == []
    assert erase_rejected(tables, now + timedelta(hours=1), 7) == 0


def test_small_files_are_put_together_and_no_answer_changes(tables: Lake) -> None:
    for number in range(SMALL_FILES + 2):
        add_view(number)
        drain_outbox(tables)
        if number % 2:
            refresh(f"run {number}")
    old = tables.version("views")
    before = read_live_tables(tables)
    rows = {row["table_name"]: row for row in maintain("upkeep", date(2026, 11, 23))}
    assert (rows["events"]["files_before"], rows["events"]["files"]) == (SMALL_FILES + 2, 1)
    assert rows["events"]["rows"] == SMALL_FILES + 2
    assert rows["events"]["stored_bytes"] > rows["events"]["size_bytes"] > 0
    assert rows["events"]["log_files"] > SMALL_FILES
    assert read_live_tables(tables) == before
    assert tables.read("views", as_of=old).num_rows == SMALL_FILES + 2  # time travel
    assert refresh("after") == 0  # compaction adds no events
    add_view(99)
    drain_outbox(tables)
    assert refresh("later") == 1
    kept = tables.read("table_sizes").to_pylist()
    assert {row["day"] for row in kept} == {date(2026, 11, 23)}
    again = {row["table_name"]: row for row in maintain("upkeep", date(2026, 11, 23))}
    assert again["views"]["files"] == rows["views"]["files"] + 1
    assert len(tables.read("table_sizes").to_pylist()) == len(kept)


def test_rows_keep_their_order_so_that_a_time_is_in_few_files(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.delta.maintenance.TARGET_BYTES", 20_000)
    for number in range(20):
        add_view(number)
        drain_outbox(tables)
    compact(tables, "events")
    actions = [
        (row["min.event_id"], row["max.event_id"])
        for row in pa.table(tables.open("events").get_add_actions(flatten=True)).to_pylist()
    ]
    spans = sorted(actions)
    assert 1 < len(spans) < 20
    assert all(one[1] < other[0] for one, other in pairwise(spans))


def test_a_writer_that_was_killed_leaves_nothing_for_ever(tables: Lake) -> None:
    folder = Path(urlsplit(tables.location("views")).path)
    orphan = folder / "part-00000-of-nobody.snappy.parquet"
    fresh = folder / "part-00000-of-somebody.snappy.parquet"
    for path in (orphan, fresh):
        path.write_bytes(b"half written")
    days_ago = time.time() - (settings().retention_days + 1) * 86_400
    os.utime(orphan, (days_ago, days_ago))
    vacuum(tables, "views", settings().retention_days)
    assert (orphan.exists(), fresh.exists()) == (False, True)


def test_a_shorter_log_still_travels_as_far_as_promised(tables: Lake) -> None:
    add_view(0)
    drain_outbox(tables)
    log = Path(urlsplit(tables.location("events")).path) / "_delta_log"
    for number in range(1, 12):
        add_view(number)
        drain_outbox(tables)
        clean_up_log(tables, "events") if number % 4 == 0 else None
    for path in log.iterdir():  # a commit a day
        days = 12 - int(path.name[:20]) if path.name[:20].isdigit() else 0
        moment = time.time() - days * 86_400
        os.utime(path, (moment, moment))
    clean_up_log(tables, "events")
    assert len(list(log.glob("*.json"))) < 12
    assert measure_size(tables, "events").rows == 12
    newest = tables.version("events")
    for version in range(newest - settings().retention_days + 1, newest + 1):
        assert tables.open("events", as_of=version).version() == version


def test_the_stage_says_what_it_did(tables: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.stage.die_with_parent", lambda: None)
    maintain_lake.main(["--run-id", "night", "--day", "2026-11-23"])
    [run] = tables.read("pipeline_runs", where={"stage": "maintain"}).to_pylist()
    assert (run["state"], run["rows"]) == ("succeeded", len(tables.read("table_sizes")))
    assert "files became" in run["detail"]
