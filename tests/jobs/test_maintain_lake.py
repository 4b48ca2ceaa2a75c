"""Maintenance of the lake changes no query result: fewer files, erased users, time travel within the retention."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from jobs import maintain_lake
from jobs.maintain_lake import maintain
from jobs.rebuild_table import rebuild
from jobs.refresh_tables import read_cursor, refresh, replay
from schemas.errors import StageError
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
from stores.delta.verification import verify_table
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.outbox import drain_all
from tests.processes import ChildProgram

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
    rows = {row["table_name"]: row for row in maintain("upkeep", date(2026, 11, 23))[0]}
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
    again = {row["table_name"]: row for row in maintain("upkeep", date(2026, 11, 23))[0]}
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


def fill_events(tables: Lake) -> int:
    for number in range(SMALL_FILES + 2):
        add_view(number)
        drain_outbox(tables)
    return SMALL_FILES + 2


def test_a_table_whose_maintenance_is_stopped_is_left_to_that_process(tables: Lake) -> None:
    """Nothing takes its lock over: when it goes on it commits, and a second compaction would double the table."""
    rows = fill_events(tables)
    program = (
        "import sys; from stores.delta import lake; from stores.delta.maintenance_lock import maintenance_lock\n"
        "with maintenance_lock(lake(), 'events', 'run night'):\n"
        "    handle = lake().open('events'); print('in', flush=True); sys.stdin.readline()\n"
        "    handle.optimize.compact()"
    )
    with ChildProgram(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == "in\n"
        stopped.send_signal(signal.SIGSTOP)
        maintained, left_out = maintain("again", date(2026, 11, 23))
        assert "events" not in {row["table_name"] for row in maintained}
        assert left_out == [
            f"table events is being maintained by run night, process {stopped.pid}; it is left out"
        ]
        stopped.send_signal(signal.SIGCONT)
        stopped.communicate("go on\n", timeout=600)
    assert stopped.returncode == 0
    maintained, left_out = maintain("at last", date(2026, 11, 23))
    assert (left_out, tables.read("events").num_rows) == ([], rows)
    assert verify_table(tables, "events").sound


def test_a_compaction_beside_that_of_another_program_is_rolled_back(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by an engine that does not know the lock. deltalake 1.6.6 commits both."""
    rows = fill_events(tables)
    opened_before = tables.open("events")
    tables.open("events").optimize.compact()
    opened = iter([opened_before])
    with monkeypatch.context() as patch:
        usual = Lake.open
        patch.setattr(
            Lake, "open", lambda self, name, as_of=None: next(opened, None) or usual(self, name, as_of)
        )
        with pytest.raises(StageError, match=f"read 0 rows and wrote {rows}.*it was rolled back"):
            compact(tables, "events")
    assert tables.read("events").num_rows == rows
    assert verify_table(tables, "events").sound


def test_a_compaction_that_others_follow_is_not_rolled_back_and_rebuild_repairs_it(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = fill_events(tables)
    assert refresh("before") == rows
    opened_before = tables.open("events")
    tables.open("events").optimize.compact()
    opened = iter([opened_before])
    usual = Lake.open

    def follow(self: Lake, name: str, as_of: int | None = None) -> DeltaTable:
        if (stale := next(opened, None)) is not None:
            return stale
        if as_of is None and not add_late:
            add_late.append(True)
            add_view(99)
            drain_outbox(tables)
        return usual(self, name, as_of)

    add_late: list[bool] = []
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "open", follow)
        with pytest.raises(StageError, match="`newsreel rebuild events` removes the doubled rows"):
            compact(tables, "events")
    assert tables.read("events").num_rows == 2 * rows + 1
    assert rebuild("events", "repair") == rows + 1
    assert verify_table(tables, "events").sound
    refresh("after")
    assert tables.read("views").num_rows == rows + 1
    assert verify_table(tables, "views").sound


def test_a_doubled_table_of_events_is_repaired_without_a_second_refresh_of_them(tables: Lake) -> None:
    rows = fill_events(tables)
    assert refresh("before") == rows
    first, second = tables.open("events"), tables.open("events")
    first.optimize.compact()
    second.optimize.compact()
    refresh("doubled")
    assert rebuild("events", "repair") == rows
    assert read_cursor() == tables.version("events")
    add_view(99)
    drain_outbox(tables)
    assert refresh("after") == 1


def test_a_live_table_is_made_again_from_events(tables: Lake) -> None:
    rows = fill_events(tables)
    with connect() as connection:
        upsert_row(connection, "users", {"user_id": "u1"}, {**PERSON, "created": AT})
    drain_outbox(tables)
    refresh("before")
    before = read_live_tables(tables)
    for name in ("views", "users"):
        folder = Path(urlsplit(tables.location(name)).path)
        for path in folder.glob("*.parquet"):
            path.write_bytes(b"not a table")
        assert verify_table(tables, name).damaged
        assert rebuild(name, f"repair {name}") == (rows if name == "views" else 1)
        assert verify_table(tables, name).sound
    assert read_live_tables(tables) == before
    assert not (settings().home / "rebuild").exists()
    add_view(99)
    drain_outbox(tables)
    assert refresh("after") == 1
