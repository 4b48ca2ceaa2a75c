"""Rows of a file into a declared table: checked one by one, the bad ones set apart, the rest through the one writer.

The good rows wait in a file of their own until all are read, so that of several rows with one key the last one lands,
and a repeat finds nothing to change. Nothing of a run that is killed is needed by the next.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsreel.embedded.servers import database
from newsreel.import_rejections import Rejections
from newsreel.ingestion import bring_up_to_date
from schemas.derive.arrow import arrow_schema
from schemas.derive.sql import live_columns
from schemas.errors import InputError
from schemas.rows import RowFaultError, checked_key, checked_row
from schemas.table import Table
from schemas.tables import LIVE_TABLES, TABLES
from schemas.tables.records import EVENTS
from stores.delta import lake
from stores.media import file_digest, media
from stores.outbox import delete_rows, upsert_rows
from stores.postgres import connect
from stores.row_files import BATCH_ROWS, RowFile

Say = Callable[[str], None]
OnProgress = Callable[[int, int, str], None]
Write = Callable[[str, pa.Table], int]
POSITION = pa.field("position", pa.int64())


@dataclass(frozen=True)
class Imported:
    """What became of a file. `landed` counts good rows, also those that the table held already."""

    table: str
    rows: int
    landed: int
    rejected: int
    reasons: tuple[str, ...]
    """Why rows were refused, the first few."""


def import_file(
    name: str, path: Path, say: Say, on_progress: OnProgress, *, delete: bool = False
) -> Imported:
    """Take a file's rows into a table, or with `delete` out of it; the lake shows them when this returns.

    Raises InputError where there is no such table, or the file cannot be read or has columns that the table lacks.
    """
    declared = _declared(name)
    file = RowFile(path)
    _check_columns(declared, file, delete=delete)
    by_events = declared.live or declared is EVENTS
    lake().ensure()
    with database() if by_events else nullcontext(), media().staging() as folder:
        rejections = Rejections(declared, file.path, file_digest(path), datetime.now(UTC))
        waiting = _Waiting(declared, folder / "rows.arrow", _staged_columns(declared, file, delete=delete))
        rows = _read(declared, file, waiting, rejections, on_progress, delete=delete)
        _land(declared, waiting, rejections, on_progress, delete=delete)
        rejections.flush()
        if by_events:
            bring_up_to_date(lake(), say)
    return Imported(name, rows, rows - rejections.count, rejections.count, tuple(rejections.first))


def _declared(name: str) -> Table:
    if name not in TABLES:
        raise InputError(f"no table {name!r}{_near(name, TABLES)}; there are {', '.join(TABLES)}")
    return TABLES[name]


def _near(name: str, names: Any) -> str:
    found = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def _check_columns(declared: Table, file: RowFile, *, delete: bool) -> None:
    """Refuse a file that names what the table lacks, or whose header leaves the key out."""
    known = [*declared.column_names, *declared.computed]
    unknown = [name for name in file.columns if name not in known]
    if unknown and not delete:
        said = ", ".join(f"{column!r}{_near(column, known)}" for column in unknown[:5])
        raise InputError(
            f"{file.path}: {declared.name} has no column {said}; its columns are {', '.join(known)}"
        )
    missing = [name for name in declared.key if name not in file.columns]
    if missing and file.kind != "NDJSON":
        raise InputError(f"{file.path}: lacks {', '.join(missing)}, the key of {declared.name}")


def _staged_columns(declared: Table, file: RowFile, *, delete: bool) -> list[str]:
    """The columns that are written: derived ones only where the file brings them, the key alone to delete."""
    if delete:
        return list(declared.key)
    written = live_columns(declared) if declared.live else list(declared)
    return [
        column.name
        for column in written
        if not (declared.live and column.derived and column.name not in file.columns)
    ]


class _Waiting:
    """Good rows in an Arrow file until all are read; of one key the last row alone comes out again."""

    def __init__(self, declared: Table, path: Path, columns: Sequence[str]) -> None:
        self.columns, self.rows = columns, 0
        self._key, self._path = list(declared.key), path
        fields = [field for field in arrow_schema(declared) if field.name in columns]
        self._schema = pa.schema([*(field.remove_metadata() for field in fields), POSITION])
        self._writer = pa.ipc.new_file(path, self._schema)
        self._kept = pa.array([], pa.int64())

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows, each with its `position`."""
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """All rows are there. Only keys and positions are looked at, in the file itself."""
        self._writer.close()
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as reader:
            keys = reader.read_all().select([*self._key, "position"])
            last = keys.group_by(self._key).aggregate([("position", "max")])
            self._kept = last.column("position_max").combine_chunks()
        self.rows = len(self._kept)

    def batches(self) -> Iterator[pa.Table]:
        """The rows, a batch at a time."""
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                batch = pa.Table.from_batches([reader.get_batch(number)])
                yield batch.filter(pc.is_in(batch.column("position"), self._kept))


def _read(
    declared: Table,
    file: RowFile,
    waiting: _Waiting,
    rejections: Rejections,
    on_progress: OnProgress,
    *,
    delete: bool,
) -> int:
    """Read and check all rows; returns how many there are."""
    check = partial(checked_key if delete else checked_row, declared)
    batch: list[dict[str, Any]] = []
    rows = 0
    for found in file.rows(lambda done, total: on_progress(done, total, f"read {file.path.name}")):
        rows = found.number
        if found.values is None:
            rejections.add(found.place, found.fault or "", text=found.text)
            continue
        try:
            batch.append({**check(found.values), "position": found.number})
        except RowFaultError as fault:
            rejections.add(found.place, str(fault), values=found.values)
        if len(batch) == BATCH_ROWS:
            waiting.add(batch)
            batch = []
    waiting.add(batch)
    waiting.close()
    return rows


def _land(
    declared: Table, waiting: _Waiting, rejections: Rejections, on_progress: OnProgress, *, delete: bool
) -> None:
    """Hand the rows to the table's one writer."""

    def batches() -> Iterator[pa.Table]:
        done = 0
        for batch in waiting.batches():
            yield batch
            done += batch.num_rows
            on_progress(done, waiting.rows, f"write {declared.name}")

    if declared.live:
        lists = (batch.to_pylist() for batch in batches())
        with connect() as connection:
            if delete:
                delete_rows(connection, declared.name, lists)
            else:
                upsert_rows(connection, declared.name, waiting.columns, lists, rejections.add_row)
        return
    merge, remove = _writer(declared)
    for batch in batches():
        if delete:
            remove(declared.name, batch)
        else:
            merge(declared.name, _history(batch, rejections) if declared is EVENTS else batch)


def _writer(declared: Table) -> tuple[Write, Write]:
    """How rows are merged into a table that PostgreSQL does not hold, and how keys are removed."""
    if declared.writer == "spark":
        from jobs.import_rows import merge_rows, remove_rows

        return merge_rows, remove_rows
    tables = lake()
    return tables.merge, tables.remove


def _history(events: pa.Table, rejections: Rejections) -> pa.Table:
    """The events without new ones of live tables: those would change `users` behind PostgreSQL's back."""
    live = [declared.name for declared in LIVE_TABLES]
    positions = dict(
        zip(events.column("event_id").to_pylist(), events.column("position").to_pylist(), strict=True)
    )
    forged = []
    for row in lake().changed(EVENTS.name, events).to_pylist():
        if (of_table := row["table_name"]) in live:
            forged.append(positions[row["event_id"]])
            why = (
                f"table_name = {of_table}: PostgreSQL alone makes its events; import into {of_table} instead"
            )
            rejections.add_row(forged[-1], row, why)
    return events.filter(pc.invert(pc.is_in(events.column("position"), pa.array(forged, pa.int64()))))
