"""Row files: rows are read as written, and a bad row affects no other."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.derive.arrow import arrow_schema
from schemas.errors import InputError
from schemas.rows import EARLIEST, LATEST, parse_row
from schemas.table import Column, ColumnType, Table
from stores import row_files
from stores.row_files import RowFile

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
LATEST_BEFORE = LATEST - timedelta(microseconds=1)
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(
        EARLIEST.replace(tzinfo=None), LATEST_BEFORE.replace(tzinfo=None), timezones=st.just(UTC)
    ),
    "date": st.dates(),
    "binary": st.binary(max_size=8),
    "list<string>": st.lists(TEXT, max_size=3),
}
EVERYTHING = Table(
    name="everything", comment="-", row="-", key=("id",), writer="delta-rs", owner="-", written_by="-",
    fresh_within_s=None,
    columns=(
        Column("id", "int64", "-"),
        *(Column(kind.strip("<>64").replace("<", "_"), kind, "-", nullable=True) for kind in VALUES),
    ),
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            column.name: st.none() | VALUES[column.type] if column.nullable else VALUES[column.type]
            for column in EVERYTHING
        }
    ),
    max_size=5,
)
Write = Callable[[Path, list[dict[str, Any]]], None]


def plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EVERYTHING.column_names)
        for row in rows:
            cells = [
                json.dumps(value) if isinstance(value, list) else plain(value)
                for value in map(row.get, EVERYTHING.column_names)
            ]
            writer.writerow(["" if cell is None else cell for cell in cells])


def write_ndjson(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [
        json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False) for row in rows
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(EVERYTHING)), path)


@pytest.mark.parametrize(
    ("suffix", "write"), [("csv", write_csv), ("ndjson", write_ndjson), ("parquet", write_parquet)]
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_rows_of_every_type_come_back(
    tmp_path: Path, suffix: str, write: Write, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path / f"rows.{suffix}"
    write(path, rows)
    found = [parse_row(EVERYTHING, row.values or {}) for row in RowFile(path).rows()]
    # An empty cell is null, so CSV cannot tell bytes of none from null.
    wanted = [
        {name: None if suffix == "csv" and value == b"" else value for name, value in row.items()}
        for row in rows
    ]
    assert found == wanted


def read(path: Path) -> list[tuple[int | None, Any]]:
    """Line and values, or line and fault, of each row."""
    return [(row.line, row.fault or list((row.values or {}).values())) for row in RowFile(path).rows()]


def write_file(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_csv_of_any_origin_is_read(tmp_path: Path) -> None:
    path = write_file(tmp_path, b'\xef\xbb\xbfa,b\r\n"x, ""y""\r\nz",1\r\n\r\n,2')
    assert read(path) == [(2, ['x, "y"\r\nz', "1"]), (5, [None, "2"])]
    assert RowFile(path).columns == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"1", "it has 1 cells, and the header names 2 columns"),
        (b"1,2,3", "it has 3 cells, and the header names 2 columns"),
        (b'"1,2', "a quote in it is not closed"),
        (b'"1"x,2', "',' expected after '\"'"),
        (b"1,\xff", "byte 3 of its line is not UTF-8 (0xff)"),
    ],
)
def test_a_bad_line_costs_no_other_row(tmp_path: Path, line: bytes, why: str) -> None:
    path = write_file(tmp_path, b"a,b\n1,2\n" + line + b"\n3,4\n5,6")
    assert read(path) == [(2, ["1", "2"]), (3, why), (4, ["3", "4"]), (5, ["5", "6"])]


def test_a_quote_that_is_never_closed_is_not_followed_through_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "LONGEST_ROW_CHARACTERS", 100)
    found = read(write_file(tmp_path, b'a,b\n"1,2\n' + b"3,4\n" * 100 + b"x" * 250 + b"\n5,6\n"))
    assert [found[0], found[1], found[100], *found[101:]] == [
        (2, "a quote in it is not closed"),
        (3, ["3", "4"]),
        (102, ["3", "4"]),
        (103, "it is longer than 100 bytes"),
        (104, ["5", "6"]),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"a": 1', "invalid JSON: "),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1, "a": 2}', "a name occurs twice"),
        (b"[1]", "not a JSON object"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b"[" * 100_000, "invalid JSON: "),
    ],
)
def test_a_bad_object_costs_no_other_row(tmp_path: Path, line: bytes, why: str) -> None:
    first, bad, last = read(write_file(tmp_path, b'{"a": 1}\n' + line + b'\n\n{"b": 2}\n', "rows.jsonl"))
    assert (first, last) == ((1, [1]), (4, [2]))
    assert why in bad[1]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("rows.CSV", b"a\n", "CSV"),
        ("rows", b"a,b\n1,2\n", "CSV"),
        ("rows", b'\n{"a": 1}\n', "NDJSON"),
        ("rows.json", b'{"a": 1}\n', "NDJSON"),
        ("rows.ndjson", b"", "NDJSON"),
    ],
)
def test_the_kind_is_told_by_content_or_suffix(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    assert RowFile(write_file(tmp_path, content, name)).kind == kind


def test_parquet_is_known_by_its_first_bytes_and_keeps_microseconds(tmp_path: Path) -> None:
    nanoseconds = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "Europe/Berlin"))
    pq.write_table(pa.table({"at": nanoseconds}), tmp_path / "rows.bin")
    [row] = RowFile(tmp_path / "rows.bin").rows()
    assert (row.values or {})["at"] == datetime.fromtimestamp(1_700_000_000, UTC).replace(microsecond=123456)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("rows.xlsx", b"PK\3\4", "unknown kind of file; supported are CSV"),
        ("rows.json", b'[{"a": 1}]', "one object on each line"),
        ("rows.parquet", b"a,b\n", "not Parquet"),
        ("rows.parquet", b"PAR1 and no more", "cannot be read"),
        ("rows.csv", b"", "has no header line"),
        ("rows.csv", b"\xff\xfea\0,\0b\0", "has no header line of column names in UTF-8: byte 1"),
        ("rows.csv", b"a,b,a\n", "column a occurs twice"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        RowFile(write_file(tmp_path, content, name))


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        RowFile(tmp_path / name)
