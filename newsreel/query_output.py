"""Output of a query, batch by batch: a table for the terminal, CSV, JSON or Parquet to stdout or a file.

Tests: tests/newsreel/test_sql.py.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias

from newsreel import console
from schemas.errors import InputError
from stores.files import atomic_replacement

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_ROWS = 1_000
"""Most rows printed as a table."""
PREFETCH_ROWS = 100_000
"""Rows computed before the first is printed: most errors of a query come before them."""


class Format(StrEnum):
    """Output format."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


Batches: TypeAlias = "Iterable[pa.RecordBatch]"
Write: TypeAlias = "Callable[[pa.Schema, Batches, TextIO], None]"


def print_rows(schema: pa.Schema, batches: Batches) -> None:
    """Print the first `TABLE_ROWS` rows as a table, and their total number."""
    rows: list[Iterable[Any]] = []
    count = 0
    for batch in batches:
        rows += [row.values() for row in batch.slice(0, TABLE_ROWS - len(rows)).to_pylist()]
        count += batch.num_rows
    console.print_table("", schema.names, rows)
    if count > len(rows):
        console.say(f"first {len(rows):,} of {count:,} rows; write all to a file with --out FILE.csv")
    else:
        console.say(f"{count:,} row{'' if count == 1 else 's'}")


def write_csv(schema: pa.Schema, batches: Batches, out: TextIO) -> None:
    """Write CSV (RFC 4180), with values as `newsreel import` reads them."""
    writer = csv.writer(out)
    writer.writerow(schema.names)
    for batch in batches:
        writer.writerows(zip(*(_to_csv_cells(column) for column in batch.columns), strict=True))


def write_json(_: pa.Schema, batches: Batches, out: TextIO) -> None:
    """Write one array of objects; NaN and infinities become null, because JSON lacks them."""
    opening = "["
    for batch in batches:
        names = batch.schema.names
        for values in zip(*(_to_json_values(column) for column in batch.columns), strict=True):
            row = dict(zip(names, values, strict=True))
            out.write(f"{opening}{json.dumps(row, ensure_ascii=False, default=console.to_json)}")
            opening = ",\n"
    out.write("]\n" if opening != "[" else "[]\n")


def write_parquet(schema: pa.Schema, batches: Batches, out: IO[bytes]) -> None:
    """Write one Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, schema, compression="zstd") as parquet:
        for batch in batches:
            parquet.write_batch(batch)


def write_file(path: Path, target: Format, schema: pa.Schema, batches: Batches) -> int:
    """Write a file atomically, overwriting an existing one; returns the number of rows."""
    written = 0

    def count_rows() -> Iterator[pa.RecordBatch]:
        nonlocal written
        for batch in batches:
            written += batch.num_rows
            yield batch

    with atomic_replacement(path, sync=True) as draft:
        if target is Format.parquet:
            with draft.open("wb") as out:
                write_parquet(schema, count_rows(), out)
        else:
            with draft.open("w", encoding="utf-8", newline="") as text:
                WRITERS[target](schema, count_rows(), text)
    return written


WRITERS: dict[Format, Write] = {Format.csv: write_csv, Format.json: write_json}
"""Writers of the text formats."""


def choose_format(path: Path, given: Format | None) -> Format:
    """Choose the format of a file: the given one, else by its suffix. Raises InputError if neither fits."""
    if given is not None:
        target = given
    else:
        name = path.suffix.removeprefix(".").lower()
        if name not in list(Format):
            raise InputError(
                f"Invalid --out {path}: end the name in .csv, .json or .parquet, or add --format"
            )
        target = Format(name)
    if target is Format.table:
        raise InputError("Invalid --format table with --out: choose csv, json or parquet")
    return target


def prefetch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Return the same batches, with the first `PREFETCH_ROWS` rows computed before this returns."""
    fetched, count = [], 0
    for batch in batches:
        fetched.append(batch)
        count += batch.num_rows
        if count >= PREFETCH_ROWS:
            break
    return itertools.chain(fetched, batches)


def _to_json_values(column: pa.Array) -> Iterable[Any]:
    """Convert a column to Python values, with null for non-finite floats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    values: list[Any] = column.to_pylist()
    return values


def _to_csv_cells(column: pa.Array) -> Iterable[Any]:
    """Convert a column to CSV cells: empty for null, lists and structs as JSON."""
    import pyarrow as pa

    values = column.to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        return ["" if value is None else value for value in values] if column.null_count else values
    return map(_to_csv_cell, values)


def _to_csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return (
        json.dumps(value, ensure_ascii=False, default=console.to_json)
        if isinstance(value, (list, dict))
        else str(console.to_json(value))
    )
