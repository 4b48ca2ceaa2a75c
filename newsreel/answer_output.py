"""Where the rows of an answer go: to a person, to a script, to a file; a batch of them after the other."""

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

SHOWN_ROWS = 1_000
"""As many as a person is shown."""
HELD_ROWS = 100_000
"""So many are made before the first is printed: most errors of a question come before them."""


class Format(StrEnum):
    """What an answer is written as."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


Batches: TypeAlias = "Iterable[pa.RecordBatch]"
Write: TypeAlias = "Callable[[pa.Schema, Batches, TextIO], None]"


def show(schema: pa.Schema, batches: Batches) -> None:
    """Print the first rows for a person, and say how many there are."""
    rows: list[Iterable[Any]] = []
    count = 0
    for batch in batches:
        rows += [row.values() for row in batch.slice(0, SHOWN_ROWS - len(rows)).to_pylist()]
        count += batch.num_rows
    console.table("", schema.names, rows)
    if count > len(rows):
        console.say(
            f"the first {len(rows):,} of {count:,} rows; LIMIT asks for fewer, --out FILE.csv keeps all"
        )
    else:
        console.say(f"{count:,} row{'' if count == 1 else 's'}")


def write_csv(schema: pa.Schema, batches: Batches, out: TextIO) -> None:
    """RFC 4180; values as `newsreel import` reads them."""
    writer = csv.writer(out)
    writer.writerow(schema.names)
    for batch in batches:
        writer.writerows(zip(*(_cells(column) for column in batch.columns), strict=True))


def write_json(_: pa.Schema, batches: Batches, out: TextIO) -> None:
    """One array of objects. What is no number (NaN, an infinity) is null: JSON has no word for it."""
    opening = "["
    for batch in batches:
        names = batch.schema.names
        for values in zip(*(_numbers(column) for column in batch.columns), strict=True):
            row = dict(zip(names, values, strict=True))
            out.write(f"{opening}{json.dumps(row, ensure_ascii=False, default=console.plain)}")
            opening = ",\n"
    out.write("]\n" if opening != "[" else "[]\n")


def write_parquet(schema: pa.Schema, batches: Batches, out: IO[bytes]) -> None:
    """One Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, schema, compression="zstd") as parquet:
        for batch in batches:
            parquet.write_batch(batch)


def write_file(path: Path, wanted: Format, schema: pa.Schema, batches: Batches) -> int:
    """Write a file, whole or not at all; one that is there is replaced. Returns the rows."""
    written = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal written
        for batch in batches:
            written += batch.num_rows
            yield batch

    with atomic_replacement(path, sync=True) as draft:
        if wanted is Format.parquet:
            with draft.open("wb") as out:
                write_parquet(schema, counted(), out)
        else:
            with draft.open("w", encoding="utf-8", newline="") as text:
                WRITERS[wanted](schema, counted(), text)
    return written


WRITERS: dict[Format, Write] = {Format.csv: write_csv, Format.json: write_json}
"""Formats that a stream of text can take."""


def format_of(path: Path, given: Format | None) -> Format:
    """What a file is to be: as it is called, or as is said. Raises InputError where neither tells."""
    if given is not None:
        found = given
    else:
        name = path.suffix.removeprefix(".").lower()
        if name not in list(Format):
            raise InputError(f"{path}: call it .csv, .json or .parquet, or say which by --format")
        found = Format(name)
    if found is Format.table:
        raise InputError("a table is for a screen; a file is csv, json or parquet")
    return found


def begun(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, the first `HELD_ROWS` rows of them made before this returns."""
    held, count = [], 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count >= HELD_ROWS:
            break
    return itertools.chain(held, batches)


def _numbers(column: pa.Array) -> Iterable[Any]:
    """Values, but for floats that are no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    values: list[Any] = column.to_pylist()
    return values


def _cells(column: pa.Array) -> Iterable[Any]:
    """Values as CSV has them: nothing for null, lists as JSON."""
    import pyarrow as pa

    values = column.to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        return ["" if value is None else value for value in values] if column.null_count else values
    return map(_cell, values)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return (
        json.dumps(value, ensure_ascii=False, default=console.plain)
        if isinstance(value, (list, dict))
        else str(console.plain(value))
    )
