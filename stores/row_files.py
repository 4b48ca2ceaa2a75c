"""Reader of row files from outside: CSV (RFC 4180), NDJSON and Parquet, in batches, with the fault of each bad row.

Rows are only split into values here; `schemas.rows` validates the values.
"""

from __future__ import annotations

import csv
import json
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import InputError

LONGEST_ROW_CHARACTERS = 8 << 20
"""Longest row: an unclosed quote must not swallow the rest of the file."""
BATCH_ROWS = 10_000
SUFFIXES = {
    ".csv": "CSV",
    ".ndjson": "NDJSON",
    ".jsonl": "NDJSON",
    ".json": "NDJSON",
    ".parquet": "Parquet",
    ".pq": "Parquet",
}
PARQUET_MAGIC = b"PAR1"
KINDS = "supported are CSV (.csv), NDJSON (.ndjson, .jsonl) and Parquet (.parquet)"

OnRead = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: its number from 1 and its line (None in Parquet); `values` by column name, or None and the `fault`.

    `text`: the row as received, if it could not be split.
    """

    number: int
    line: int | None
    values: dict[str, Any] | None
    fault: str | None = None
    text: str = ""

    @property
    def place(self) -> str:
        """Its position, for messages."""
        return f"row {self.number}" + (f" (line {self.line})" if self.line else "")


class RowFile:
    """A file of rows. `columns`: its column names in their order; of NDJSON all names that occur in any row."""

    def __init__(self, path: Path) -> None:
        """Raises InputError if the file cannot be read, is of another kind, or has a column name twice."""
        self.path = path
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise InputError(f"{path}: not a regular file (but a folder, pipe or device)")
            self.size_bytes = path.stat().st_size
            with path.open("rb") as file:
                self.kind = _detect_kind(path, file.read(4096))
            self.columns = self._read_names()
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise InputError(f"{path}: column {', '.join(twice)} occurs twice")

    def rows(self, on_read: OnRead | None = None) -> Iterator[FileRow]:
        """All rows in order; `on_read(done, total)` reports bytes, for Parquet rows."""
        readers = {"CSV": self._read_csv, "NDJSON": self._read_ndjson, "Parquet": self._read_parquet}
        try:
            yield from readers[self.kind](on_read or (lambda _done, _total: None))
        except OSError as error:
            raise InputError(f"{self.path}: reading failed: {error}") from error

    def _read_names(self) -> list[str]:
        if self.kind == "Parquet":
            with pq.ParquetFile(self.path) as file:
                return list(file.schema_arrow.names)
        if self.kind == "NDJSON":
            seen: dict[str, None] = {}
            for row in self.rows():
                seen.update(dict.fromkeys(row.values or ()))
            return list(seen)
        with self.path.open("rb") as file:
            record, _ = next(_split_records(_Lines(file)), (None, 0))
        if not isinstance(record, list):
            fault = f": {record.fault}" if isinstance(record, _Broken) else ""
            raise InputError(f"{self.path}: has no header line of column names in UTF-8{fault}")
        return record

    def _read_csv(self, on_read: OnRead) -> Iterator[FileRow]:
        with self.path.open("rb") as file:
            records = _split_records(_Lines(file))
            next(records, None)
            for number, (record, line) in enumerate(records, 1):
                if number % BATCH_ROWS == 0:
                    on_read(file.tell(), self.size_bytes)
                if isinstance(record, _Broken):
                    yield FileRow(number, line, None, record.fault, record.text)
                elif len(record) != len(self.columns):
                    fault = f"it has {len(record)} cells, and the header names {len(self.columns)} columns"
                    yield FileRow(number, line, None, fault, ",".join(record))
                else:
                    cells = dict(zip(self.columns, (cell or None for cell in record), strict=True))
                    yield FileRow(number, line, cells)
        on_read(self.size_bytes, self.size_bytes)

    def _read_ndjson(self, on_read: OnRead) -> Iterator[FileRow]:
        with self.path.open("rb") as file:
            number = 0
            for line, (text, fault) in enumerate(_Lines(file), 1):
                if not fault and not text.strip():
                    continue
                number += 1
                if number % BATCH_ROWS == 0:
                    on_read(file.tell(), self.size_bytes)
                yield _parse_object(number, line, text, fault)
        on_read(self.size_bytes, self.size_bytes)

    def _read_parquet(self, on_read: OnRead) -> Iterator[FileRow]:
        try:
            with pq.ParquetFile(self.path) as file:
                number = 0
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    for values in _truncate_times(batch).to_pylist():
                        number += 1
                        yield FileRow(number, None, values)
                    on_read(number, file.metadata.num_rows)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise InputError(f"{self.path}: invalid Parquet, cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class _Broken:
    fault: str
    text: str


class _Lines:
    """Lines of UTF-8 with their ends, each with its fault, if any; a byte order mark is skipped.

    Lines can be put back, to be read again.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._back, self._first = file, deque[tuple[str, str | None]](), True

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return self

    def __next__(self) -> tuple[str, str | None]:
        if self._back:
            return self._back.popleft()
        line = self._file.readline(LONGEST_ROW_CHARACTERS)
        if not line:
            raise StopIteration
        if self._first:
            self._first, line = False, line.removeprefix(b"\xef\xbb\xbf")
        fault = None
        if len(line) == LONGEST_ROW_CHARACTERS and not line.endswith(b"\n"):
            fault, line = f"it is longer than {LONGEST_ROW_CHARACTERS} bytes", line[:1024]
            while (rest := self._file.readline(LONGEST_ROW_CHARACTERS)) and not rest.endswith(b"\n"):
                pass
        try:
            return line.decode(), fault
        except UnicodeDecodeError as error:
            fault = fault or f"byte {error.start + 1} of its line is not UTF-8 (0x{line[error.start]:02x})"
            return line.decode(errors="replace"), fault

    def put_back(self, lines: list[tuple[str, str | None]]) -> None:
        """Return these lines again, before the rest of the file."""
        self._back.extendleft(reversed(lines))


def _split_records(lines: _Lines) -> Iterator[tuple[list[str] | _Broken, int]]:
    """CSV records with the numbers of their first lines; empty lines are skipped.

    Of a broken record only the first line is lost: reading continues with the second one, so that an unclosed quote
    affects no other row.
    """
    consumed: list[tuple[str, str | None]] = []

    def feed() -> Iterator[str]:
        length = 0
        for text, fault in lines:
            consumed.append((text, fault))
            length += len(text)
            if fault or length > LONGEST_ROW_CHARACTERS:
                raise csv.Error(fault or "a quote in it is not closed")
            yield text

    csv.field_size_limit(LONGEST_ROW_CHARACTERS)
    line = 1
    while True:
        consumed.clear()
        try:
            record: list[str] | _Broken = next(csv.reader(feed(), strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            text, fault = consumed[0]
            message = "a quote in it is not closed" if "unexpected end" in str(error) else str(error)
            record = _Broken(fault or message, text.rstrip("\r\n"))
            lines.put_back(consumed[1:])
            del consumed[1:]
        if record:
            yield record, line
        line += len(consumed)


def _parse_object(number: int, line: int, text: str, fault: str | None) -> FileRow:
    if not fault:
        try:
            values = json.loads(text, parse_constant=_reject_constant, object_pairs_hook=_reject_duplicates)
        except (ValueError, RecursionError) as error:
            fault = f"invalid JSON: {error}"
        else:
            if isinstance(values, dict):
                return FileRow(number, line, values)
            fault = "not a JSON object"
    return FileRow(number, line, None, fault, text.strip())


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name occurs twice")
    return values


def _truncate_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times truncated to microseconds, which Python's own types hold."""
    columns = [
        column.cast(pa.timestamp("us", "UTC" if column.type.tz else None), safe=False)
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _detect_kind(path: Path, head: bytes) -> str:
    """The kind by the first bytes of Parquet, else by the suffix, else by the first line. Raises InputError."""
    suffix = path.suffix.lower()
    if head.startswith(PARQUET_MAGIC):
        return "Parquet"
    if suffix in SUFFIXES:
        if SUFFIXES[suffix] == "Parquet":
            raise InputError(f"{path}: not Parquet: its first bytes are not {PARQUET_MAGIC.decode()}")
        if SUFFIXES[suffix] == "NDJSON" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise InputError(f"{path}: a JSON array; NDJSON needs one object on each line")
        return SUFFIXES[suffix]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "NDJSON"
    if suffix in ("", ".txt") and b"," in head.partition(b"\n")[0] and b"\0" not in head:
        return "CSV"
    raise InputError(f"{path}: unknown kind of file; {KINDS}")
