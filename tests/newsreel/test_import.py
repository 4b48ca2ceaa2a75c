"""`newsreel import`: upserts, rejections with reasons, idempotent repeats, and deletion by key."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsreel import import_rejections, table_import
from newsreel.table_import import ImportResult, import_file
from schemas.derive.arrow import arrow_schema
from schemas.errors import InputError
from schemas.tables import LIVE_TABLES, TABLES
from stores import row_files
from stores.delta import Lake
from stores.outbox import find_row, upsert_row
from stores.postgres import connect
from tests.outbox import drain_all

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
LAKE_TABLES = [
    name for name, declared in TABLES.items() if declared.writer == "delta-rs" and name != "events"
]
SAMPLES: dict[str, Any] = {
    "string": "x", "int64": 1, "float64": 0.5, "boolean": True, "timestamp": AT, "binary": b"\x01", "date": AT.date(),
    "list<string>": ["x"],
}  # fmt: skip
USERS = "user_id,user_name,email,age,created\n"

pytestmark = pytest.mark.usefixtures("database_url", "tables", "drained")


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real lake sink, but no refresh: that is a DAG of its own, tested elsewhere."""

    def drain_only(tables: Lake, _say: object) -> None:
        with connect() as connection:
            drain_all(connection, tables)

    monkeypatch.setattr(table_import, "bring_up_to_date", drain_only)


def run_import(name: str, path: Path, *, delete: bool = False) -> ImportResult:
    return import_file(name, path, lambda _text: None, lambda *_progress: None, delete=delete)


def counts(result: ImportResult) -> tuple[int, int, int]:
    return result.rows, result.landed, result.rejected


def write_rows(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def sample(name: str, number: int) -> dict[str, Any]:
    """A row with a value in every column."""
    declared = TABLES[name]
    row = {column.name: column.allowed[0] if column.allowed else SAMPLES[column.type] for column in declared}
    last_key = declared.column(declared.key[-1])
    if last_key.allowed:
        row[last_key.name] = last_key.allowed[number]
    else:
        row[last_key.name] = f"k{number}" if last_key.type == "string" else SAMPLES[last_key.type] + number
    return row


@pytest.mark.parametrize("name", LAKE_TABLES)
def test_every_table_that_delta_rs_writes_takes_rows_once_and_gives_them_up(
    tables: Lake, tmp_path: Path, name: str
) -> None:
    rows = [sample(name, 1), sample(name, 2)]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(TABLES[name])), path)
    assert counts(run_import(name, path)) == (2, 2, 0)
    assert tables.read(name).to_pylist() == rows
    version = tables.version(name)
    assert counts(run_import(name, path)) == (2, 2, 0)
    assert tables.version(name) == version
    pq.write_table(pa.Table.from_pylist(rows[:1]).select(TABLES[name].key), path)
    assert counts(run_import(name, path, delete=True)) == (1, 1, 0)
    assert tables.read(name).to_pylist() == rows[1:]
    version = tables.version(name)
    assert counts(run_import(name, path, delete=True)) == (1, 1, 0)
    assert tables.version(name) == version


@pytest.mark.parametrize("name", [declared.name for declared in LIVE_TABLES])
def test_every_table_that_people_change_takes_rows_once_with_an_event_each(
    tables: Lake, tmp_path: Path, name: str
) -> None:
    declared = TABLES[name]
    rows = [sample(name, number) for number in (1, 2)]
    for number, row in enumerate(rows):
        row |= {column.name: f"u{number}" for column in declared if column.unique}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(declared)), path)
    for _ in range(2):
        assert counts(run_import(name, path)) == (2, 2, 0)
        assert tables.read("events").num_rows == 2
    assert counts(run_import(name, path, delete=True)) == (2, 2, 0)
    assert tables.read("events").column("kind").to_pylist() == ["upserted"] * 2 + ["deleted"] * 2
    with connect() as connection:
        [found] = connection.execute(f"SELECT count(*) AS rows FROM {name}".encode()).fetchall()
    assert found["rows"] == 0


def test_friends_given_the_other_way_round_are_turned(tmp_path: Path) -> None:
    path = write_rows(
        tmp_path, f"user_id_1,user_id_2,created\nb,a,{AT:%FT%TZ}\na,b,{AT:%FT%TZ}\nc,c,{AT:%FT%TZ}\n"
    )
    assert counts(run_import("friendships", path)) == (3, 2, 1)
    with connect() as connection:
        rows = connection.execute("SELECT user_id_1, user_id_2 FROM friendships").fetchall()
    assert rows == [{"user_id_1": "a", "user_id_2": "b"}]


def test_users_land_in_postgresql_with_an_event_each(tables: Lake, tmp_path: Path) -> None:
    path = write_rows(
        tmp_path, f"{USERS}u1,ann,a@b,33,2026-11-23T10:00:00\nu2,bob,,,2026-11-23T12:00:00+02:00\n"
    )
    assert counts(run_import("users", path)) == (2, 2, 0)
    with connect() as connection:
        row = find_row(connection, "users", {"user_id": "u2"})
    assert row is not None
    assert (row["user_name"], row["email"], row["created"]) == ("bob", None, AT)
    assert tables.read("events").column("row_key").to_pylist() == ["u1", "u2"]
    assert counts(run_import("users", path)) == (2, 2, 0)
    assert tables.read("events").num_rows == 2


def test_a_video_needs_no_bytes_of_its_own(tmp_path: Path) -> None:
    line = {
        "video_id": "v",
        "title": "A",
        "uploader_id": "u",
        "status": "ready",
        "created": "2026-11-23T10:00:00Z",
    }
    assert counts(run_import("videos", write_rows(tmp_path, json.dumps(line), "v.ndjson"))) == (1, 1, 0)
    with connect() as connection:
        row = find_row(connection, "videos", {"video_id": "v"})
    assert row is not None
    assert (row["visibility"], row["reasons"], row["views"], row["sha256"]) == ("public", [], 0, None)


def test_a_known_key_replaces_the_row_but_not_what_our_programs_found_out(tmp_path: Path) -> None:
    values = {
        "title": "A", "description": "D", "uploader_id": "u", "status": "ready", "sha256": "0" * 64, "package": "p",
        "likes": 7, "created": AT,
    }  # fmt: skip
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": "v"}, values)
    text = "video_id,title,uploader_id,status,created\nv,B,u,ready,2026-11-23T10:00:00Z\n"
    run_import("videos", write_rows(tmp_path, text))
    with connect() as connection:
        row = find_row(connection, "videos", {"video_id": "v"})
    assert row is not None
    assert (row["title"], row["description"], row["likes"]) == ("B", None, 0)
    assert (row["sha256"], row["package"]) == ("0" * 64, "p")


def test_of_rows_with_one_key_the_last_good_one_lands(
    tables: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_import, "BATCH_ROWS", 2)
    monkeypatch.setattr(row_files, "BATCH_ROWS", 2)
    at = "2026-11-23T10:00:00Z"
    path = write_rows(
        tmp_path, f"{USERS}u,one,,,{at}\nw,two,,,{at}\nu,three,,,{at}\nx,four,,,{at}\nu,five,,,never\n"
    )
    assert counts(run_import("users", path)) == (5, 4, 1)
    with connect() as connection:
        row = find_row(connection, "users", {"user_id": "u"})
    assert row is not None
    assert row["user_name"] == "three"
    run_import("users", path)
    assert tables.read("events").num_rows == 3


def test_bad_rows_are_kept_apart_with_a_reason_and_without_personal_fields(
    tables: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_rejections, "BUFFER_ROWS", 2)
    at = "2026-11-23T10:00:00Z"
    lines = [f"u1,ann,a@secret,,{at}", f"u 2,bob,b@secret,,{at}", "u3,c@secret", f"u4,ann,d@secret,,{at}"]
    path = write_rows(tmp_path, USERS + "\n".join(lines) + "\n", "people.csv")
    found = run_import("users", path)
    assert counts(found) == (4, 1, 3)
    assert found.reasons == (
        'people.csv, row 2 (line 3): user_id = "u 2" is not an id: '
        "use 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -",
        "people.csv, row 3 (line 4): it has 2 cells, and the header names 5 columns",
        'people.csv, row 4: user_name = "ann" is taken by row 1 of the file, and must be unique',
    )
    rejected = tables.read("rejected_rows").to_pylist()
    assert sorted(row["reason"] for row in rejected) == sorted(found.reasons)
    assert {row["table_name"] for row in rejected} == {"users"}
    assert "secret" not in json.dumps(rejected, default=str)
    assert any('"user_id": "u 2"' in row["row"] for row in rejected)
    run_import("users", path)
    assert tables.read("rejected_rows").to_pylist() == rejected


def test_deletion_is_by_key_whatever_else_the_file_says(tables: Lake, tmp_path: Path) -> None:
    run_import(
        "users", write_rows(tmp_path, f"{USERS}u1,ann,,,2026-11-23T10:00:00\nu2,bob,,,2026-11-23T10:00:00\n")
    )
    path = write_rows(tmp_path, "odd,user_id,created\n1,u1,never\n2,nobody,\n3,,\n", "gone.csv")
    assert counts(run_import("users", path, delete=True)) == (3, 2, 1)
    with connect() as connection:
        assert [row["user_id"] for row in connection.execute("SELECT user_id FROM users")] == ["u2"]
    assert tables.read("events").column("kind").to_pylist() == ["upserted", "upserted", "deleted"]


def test_events_of_live_tables_come_from_postgresql_alone(tables: Lake, tmp_path: Path) -> None:
    run_import("users", write_rows(tmp_path, f"{USERS}u1,ann,,,2026-11-23T10:00:00\n"))
    held = tables.read("events")
    forged = {**held.to_pylist()[0], "event_id": 10_000_000}
    other = {**forged, "event_id": 20_000_000, "table_name": "elsewhere"}
    path = tmp_path / "events.parquet"
    pq.write_table(pa.concat_tables([held, pa.Table.from_pylist([forged, other], schema=held.schema)]), path)
    found = run_import("events", path)
    assert counts(found) == (3, 2, 1)
    assert "import into users instead" in found.reasons[0]
    assert tables.read("events").column("table_name").to_pylist() == ["users", "elsewhere"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("usres", USERS, r"no table 'usres' \(did you mean users\?\); tables: users, friendships"),
        (
            "users",
            "user_id,user_nmae\nu,ann\n",
            r"no column 'user_nmae' \(did you mean user_name\?\); columns: ",
        ),
        ("users", "user_name,created\nann,2026-11-23T10:00:00\n", "missing user_id, the key of users"),
    ],
)
def test_a_file_that_does_not_fit_the_table_changes_nothing(
    tables: Lake, tmp_path: Path, name: str, text: str, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        run_import(name, write_rows(tmp_path, text))
    assert tables.read("rejected_rows").num_rows == 0


def test_an_unknown_name_in_any_object_is_found_before_a_row_lands(tmp_path: Path) -> None:
    text = '{"user_id": "u", "user_name": "ann", "created": "2026-11-23T10:00:00"}\n{"userid": "w"}\n'
    with pytest.raises(InputError, match="no column 'userid'"):
        run_import("users", write_rows(tmp_path, text, "rows.ndjson"))
    with connect() as connection:
        assert find_row(connection, "users", {"user_id": "u"}) is None


@pytest.mark.parametrize("text", [USERS, ""])
def test_a_file_without_rows_is_fine(tmp_path: Path, text: str) -> None:
    assert counts(run_import("users", write_rows(tmp_path, text, "rows.csv" if text else "rows.ndjson"))) == (
        0,
        0,
        0,
    )


KILLED_IN_A_LOT = """
import os, signal, sys
from pathlib import Path
from newsreel import table_import
from stores.outbox import bulk

bulk.LOT_ROWS, upsert = 2, bulk._upsert

def killed(connection, declared, columns, unique, lot):
    changed = upsert(connection, declared, columns, unique, lot)
    if lot == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return changed

bulk._upsert = killed
table_import.import_file("users", Path(sys.argv[1]), print, print)
"""


def test_an_import_that_is_killed_and_typed_again_ends_as_one_that_was_not(
    tables: Lake, tmp_path: Path
) -> None:
    rows = [f"u{number},n{number},,,2026-11-23T10:00:00" for number in range(6)]
    path = write_rows(tmp_path, USERS + "\n".join([*rows, "bad id,x,,,"]))
    done = subprocess.run([sys.executable, "-c", KILLED_IN_A_LOT, str(path)], check=False, timeout=600)
    assert done.returncode == -9
    with connect() as connection:
        assert len(connection.execute("SELECT FROM users").fetchall()) == 2
    assert counts(run_import("users", path)) == (7, 6, 1)
    assert sorted(tables.read("events").column("row_key").to_pylist()) == [
        f"u{number}" for number in range(6)
    ]
    assert tables.read("rejected_rows").num_rows == 1


def newsreel(*arguments: str) -> tuple[int, Any]:
    """The command as typed: its exit code and its one JSON document."""
    done = subprocess.run(
        [sys.executable, "-m", "newsreel", *arguments, "--json"],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_exit_code_says_whether_anything_landed(tmp_path: Path) -> None:
    good = {"run_id": "r", "stage": "s", "attempt": 1, "state": "running", "started": "2026-11-23T10:00:00Z"}
    lines = [json.dumps(good), json.dumps({**good, "state": "odd"})]
    both, bad = (write_rows(tmp_path, "\n".join(lines[at:]), f"{at}.ndjson") for at in (0, 1))
    document = {"table": "pipeline_runs", "rows": 2, "landed": 1, "rejected": 1}
    assert newsreel("import", "pipeline_runs", str(both)) == (0, document)
    assert newsreel("import", "pipeline_runs", str(bad)) == (1, {**document, "rows": 1, "landed": 0})
    code, answer = newsreel("import", "nowhere", str(bad))
    assert (code, answer["error"]["kind"]) == (2, "input")
