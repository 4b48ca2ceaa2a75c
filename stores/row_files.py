"""Files of rows from outside, a few at a time: CSV (RFC 4180), NDJSON and Parquet, with what is wrong with each row.

A row is only taken apart here; whether its values fit a table is for `schemas.rows` to say.
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
"""Where a row ends at the latest: a quote that is never closed must not swallow a whole file."""
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
KINDS = "CSV (.csv), NDJSON (.ndjson, .jsonl) and Parquet (.parquet) can be read"

OnRead = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: its number from 1 and its line (None in Parquet); `values` by column name, or None and the `fault`.

    `text`: the row as it came, where it could not be taken apart.
    """

    number: int
    line: int | None
    values: dict[str, Any] | None
    fault: str | None = None
    text: str = ""

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"row {self.number}" + (f" (line {self.line})" if self.line else "")


class RowFile:
    """A file of rows. `columns`: the names that it gives, in its order; of NDJSON all that occur in any row."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be read, is none of the three kinds, or gives a name twice."""
        self.path = path
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise InputError(f"{path}: is no file (a folder, pipe or device); give a file")
            self.size_bytes = path.stat().st_size
            with path.open("rb") as file:
                self.kind = _kind(path, file.read(4096))
            self.columns = self._names()
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise InputError(f"{path}: column {', '.join(twice)} is there twice")

    def rows(self, on_read: OnRead | None = None) -> Iterator[FileRow]:
        """All rows in order; `on_read(done, total)` counts bytes, in Parquet rows."""
        readers = {"CSV": self._csv, "NDJSON": self._ndjson, "Parquet": self._parquet}
        try:
            yield from readers[self.kind](on_read or (lambda _done, _total: None))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read to its end: {error}") from error

    def _names(self) -> list[str]:
        if self.kind == "Parquet":
            with pq.ParquetFile(self.path) as file:
                return list(file.schema_arrow.names)
        if self.kind == "NDJSON":
            seen: dict[str, None] = {}
            for row in self.rows():
                seen.update(dict.fromkeys(row.values or ()))
            return list(seen)
        with self.path.open("rb") as file:
            record, _ = next(_records(_Lines(file)), (None, 0))
        if not isinstance(record, list):
            raise InputError(f"{self.path}: has no header line of column names in UTF-8{_why(record)}")
        return record

    def _csv(self, on_read: OnRead) -> Iterator[FileRow]:
        with self.path.open("rb") as file:
            records = _records(_Lines(file))
            next(records, None)
            for number, (record, line) in enumerate(records, 1):
                if number % BATCH_ROWS == 0:
                    on_read(file.tell(), self.size_bytes)
                if isinstance(record, _Broken):
                    yield FileRow(number, line, None, record.why, record.text)
                elif len(record) != len(self.columns):
                    why = f"it has {len(record)} cells, and the header names {len(self.columns)} columns"
                    yield FileRow(number, line, None, why, ",".join(record))
                else:
                    cells = dict(zip(self.columns, (cell or None for cell in record), strict=True))
                    yield FileRow(number, line, cells)
        on_read(self.size_bytes, self.size_bytes)

    def _ndjson(self, on_read: OnRead) -> Iterator[FileRow]:
        with self.path.open("rb") as file:
            number = 0
            for line, (text, why) in enumerate(_Lines(file), 1):
                if not why and not text.strip():
                    continue
                number += 1
                if number % BATCH_ROWS == 0:
                    on_read(file.tell(), self.size_bytes)
                yield _object(number, line, text, why)
        on_read(self.size_bytes, self.size_bytes)

    def _parquet(self, on_read: OnRead) -> Iterator[FileRow]:
        try:
            with pq.ParquetFile(self.path) as file:
                number = 0
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    for values in _plain(batch).to_pylist():
                        number += 1
                        yield FileRow(number, None, values)
                    on_read(number, file.metadata.num_rows)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise InputError(f"{self.path}: holds Parquet that cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class _Broken:
    why: str
    text: str


class _Lines:
    """Lines of UTF-8 with their ends, each with why it cannot be read, if so; a byte order mark is left out.

    Lines can be put back, to be given again.
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
        why = None
        if len(line) == LONGEST_ROW_CHARACTERS and not line.endswith(b"\n"):
            why, line = f"it is longer than {LONGEST_ROW_CHARACTERS} bytes", line[:1024]
            while (rest := self._file.readline(LONGEST_ROW_CHARACTERS)) and not rest.endswith(b"\n"):
                pass
        try:
            return line.decode(), why
        except UnicodeDecodeError as error:
            said = why or f"byte {error.start + 1} of its line is not UTF-8 (0x{line[error.start]:02x})"
            return line.decode(errors="replace"), said

    def put_back(self, lines: list[tuple[str, str | None]]) -> None:
        """Give these lines again, before the rest of the file."""
        self._back.extendleft(reversed(lines))


def _records(lines: _Lines) -> Iterator[tuple[list[str] | _Broken, int]]:
    """CSV records with the line on which each begins; empty lines are none.

    A record that cannot be read costs its first line alone: reading goes on with the second, so that a quote which is
    never closed takes no other row with it.
    """
    taken: list[tuple[str, str | None]] = []

    def feed() -> Iterator[str]:
        length = 0
        for text, why in lines:
            taken.append((text, why))
            length += len(text)
            if why or length > LONGEST_ROW_CHARACTERS:
                raise csv.Error(why or "a quote in it is not closed")
            yield text

    csv.field_size_limit(LONGEST_ROW_CHARACTERS)
    line = 1
    while True:
        taken.clear()
        try:
            record: list[str] | _Broken = next(csv.reader(feed(), strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            text, why = taken[0]
            said = "a quote in it is not closed" if "unexpected end" in str(error) else str(error)
            record = _Broken(why or said, text.rstrip("\r\n"))
            lines.put_back(taken[1:])
            del taken[1:]
        if record:
            yield record, line
        line += len(taken)


def _object(number: int, line: int, text: str, why: str | None) -> FileRow:
    if not why:
        try:
            values = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            why = f"it is no JSON: {error}"
        else:
            if isinstance(values, dict):
                return FileRow(number, line, values)
            why = "it is no JSON object"
    return FileRow(number, line, None, why, text.strip())


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is in it twice")
    return found


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times in microseconds, finer digits cut off: what Python's own types hold."""
    columns = [
        column.cast(pa.timestamp("us", "UTC" if column.type.tz else None), safe=False)
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _kind(path: Path, head: bytes) -> str:
    """By the file's first bytes where they tell, else by its suffix, else by what the first line looks like."""
    suffix = path.suffix.lower()
    if head.startswith(PARQUET_MAGIC):
        return "Parquet"
    if suffix in SUFFIXES:
        if SUFFIXES[suffix] == "Parquet":
            raise InputError(f"{path}: is not Parquet: its first bytes are not {PARQUET_MAGIC.decode()}")
        if SUFFIXES[suffix] == "NDJSON" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise InputError(f"{path}: is a JSON array; NDJSON has one object on each line")
        return SUFFIXES[suffix]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "NDJSON"
    if suffix in ("", ".txt") and b"," in head.partition(b"\n")[0] and b"\0" not in head:
        return "CSV"
    raise InputError(f"{path}: is of an unknown kind; {KINDS}")


def _why(record: object) -> str:
    return f": {record.why}" if isinstance(record, _Broken) else ""
