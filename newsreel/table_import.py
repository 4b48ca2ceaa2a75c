"""Import of a file's rows into a table: validated one by one, rejected with a reason or upserted by the table's writer.

Valid rows are staged in an Arrow file until all are read, so that of several rows with one key the last one lands, and
a repeat changes nothing. A killed run leaves nothing that the next one needs.

Tests: tests/newsreel/test_import.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from schemas.rows import RowFaultError, parse_key, parse_row
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
class ImportResult:
    """Row counts of an import. `landed` counts valid rows, also those that the table already held."""

    table: str
    rows: int
    landed: int
    rejected: int
    reasons: tuple[str, ...]
    """The first few reasons of rejections."""


def import_file(
    name: str, path: Path, say: Say, on_progress: OnProgress, *, delete: bool = False
) -> ImportResult:
    """Upsert a file's rows into a table, or with `delete` delete their keys; the lake is up to date on return.

    Raises InputError for an unknown table, an unreadable file, unknown columns or missing key columns.
    """
    declared = _find_table(name)
    file = RowFile(path)
    _check_columns(declared, file, delete=delete)
    by_events = declared.live or declared is EVENTS
    lake().ensure()
    with database() if by_events else nullcontext(), media().staging() as folder:
        rejections = Rejections(declared, file.path, file_digest(path), datetime.now(UTC))
        staged = _StagedRows(declared, folder / "rows.arrow", _select_columns(declared, file, delete=delete))
        rows = _read_rows(declared, file, staged, rejections, on_progress, delete=delete)
        _write_rows(declared, staged, rejections, on_progress, delete=delete)
        rejections.flush()
        if by_events:
            bring_up_to_date(lake(), say)
    return ImportResult(name, rows, rows - rejections.count, rejections.count, tuple(rejections.first))


def _find_table(name: str) -> Table:
    if name not in TABLES:
        raise InputError(f"no table {name!r}{_suggest(name, TABLES)}; tables: {', '.join(TABLES)}")
    return TABLES[name]


def _suggest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _check_columns(declared: Table, file: RowFile, *, delete: bool) -> None:
    """Raise InputError for columns that the table lacks, and for a header without the key."""
    known = [*declared.column_names, *declared.computed]
    unknown = [name for name in file.columns if name not in known]
    if unknown and not delete:
        names = ", ".join(f"{column!r}{_suggest(column, known)}" for column in unknown[:5])
        raise InputError(f"{file.path}: {declared.name} has no column {names}; columns: {', '.join(known)}")
    missing = [name for name in declared.key if name not in file.columns]
    if missing and file.kind != "NDJSON":
        raise InputError(f"{file.path}: missing {', '.join(missing)}, the key of {declared.name}")


def _select_columns(declared: Table, file: RowFile, *, delete: bool) -> list[str]:
    """Select the columns to write: derived ones only if the file has them; for a deletion the key alone."""
    if delete:
        return list(declared.key)
    columns = live_columns(declared) if declared.live else list(declared)
    return [
        column.name
        for column in columns
        if not (declared.live and column.derived and column.name not in file.columns)
    ]


class _StagedRows:
    """Valid rows in an Arrow file; `batches` gives the last row of each key."""

    def __init__(self, declared: Table, path: Path, columns: Sequence[str]) -> None:
        self.columns, self.rows = columns, 0
        self._key, self._path = list(declared.key), path
        fields = [field for field in arrow_schema(declared) if field.name in columns]
        self._schema = pa.schema([*(field.remove_metadata() for field in fields), POSITION])
        self._writer = pa.ipc.new_file(path, self._schema)
        self._last_positions = pa.array([], pa.int64())

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Stage rows, each with its `position`."""
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """Finish the file and find the last row of each key; loads keys and positions alone."""
        self._writer.close()
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as reader:
            keys = reader.read_all().select([*self._key, "position"])
            last = keys.group_by(self._key).aggregate([("position", "max")])
            self._last_positions = last.column("position_max").combine_chunks()
        self.rows = len(self._last_positions)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows to write, batch by batch."""
        with pa.memory_map(str(self._path)) as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                batch = pa.Table.from_batches([reader.get_batch(number)])
                yield batch.filter(pc.is_in(batch.column("position"), self._last_positions))


def _read_rows(
    declared: Table,
    file: RowFile,
    staged: _StagedRows,
    rejections: Rejections,
    on_progress: OnProgress,
    *,
    delete: bool,
) -> int:
    """Read and validate all rows; returns their number."""
    validate = partial(parse_key if delete else parse_row, declared)
    batch: list[dict[str, Any]] = []
    count = 0
    for row in file.rows(lambda done, total: on_progress(done, total, f"read {file.path.name}")):
        count = row.number
        if row.values is None:
            rejections.add(row.place, row.fault or "", text=row.text)
            continue
        try:
            batch.append({**validate(row.values), "position": row.number})
        except RowFaultError as fault:
            rejections.add(row.place, str(fault), values=row.values)
        if len(batch) == BATCH_ROWS:
            staged.add(batch)
            batch = []
    staged.add(batch)
    staged.close()
    return count


def _write_rows(
    declared: Table, staged: _StagedRows, rejections: Rejections, on_progress: OnProgress, *, delete: bool
) -> None:
    """Write the staged rows by the table's one writer."""

    def read_batches() -> Iterator[pa.Table]:
        done = 0
        for batch in staged.batches():
            yield batch
            done += batch.num_rows
            on_progress(done, staged.rows, f"write {declared.name}")

    if declared.live:
        lists = (batch.to_pylist() for batch in read_batches())
        with connect() as connection:
            if delete:
                delete_rows(connection, declared.name, lists)
            else:
                upsert_rows(connection, declared.name, staged.columns, lists, rejections.add_row)
        return
    merge, remove = _choose_writer(declared)
    for batch in read_batches():
        if delete:
            remove(declared.name, batch)
        else:
            merge(declared.name, _reject_live_events(batch, rejections) if declared is EVENTS else batch)


def _choose_writer(declared: Table) -> tuple[Write, Write]:
    """Return the functions that merge rows into, and remove keys from, a table that PostgreSQL does not hold."""
    if declared.writer == "spark":
        from jobs.import_rows import merge_rows, remove_rows

        return merge_rows, remove_rows
    tables = lake()
    return tables.merge, tables.remove


def _reject_live_events(events: pa.Table, rejections: Rejections) -> pa.Table:
    """Reject new events of live tables: a refresh would apply them to the lake, and PostgreSQL would not know them."""
    live = [declared.name for declared in LIVE_TABLES]
    positions = dict(
        zip(events.column("event_id").to_pylist(), events.column("position").to_pylist(), strict=True)
    )
    rejected = []
    for row in lake().find_changed(EVENTS.name, events).to_pylist():
        if (table_name := row["table_name"]) in live:
            rejected.append(positions[row["event_id"]])
            why = f"table_name = {table_name}: its events come from PostgreSQL alone; import into {table_name} instead"
            rejections.add_row(rejected[-1], row, why)
    return events.filter(pc.invert(pc.is_in(events.column("position"), pa.array(rejected, pa.int64()))))
