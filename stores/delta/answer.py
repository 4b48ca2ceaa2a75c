"""Answers to questions in SQL, a batch of rows at a time, by deltalake's own engine (DataFusion)."""

from __future__ import annotations

import difflib
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from schemas.errors import InputError
from schemas.tables import TABLES
from stores.delta.query import plain_schema

ENGINE = {
    # Rows that a filter drops, or that are not among the newest hundred, are not read beyond the columns that say so.
    "datafusion.execution.parquet.pushdown_filters": "true",
    "datafusion.execution.parquet.reorder_filters": "true",
}
MEMORY_SHARE = 0.5
"""Of the machine's: what a query may take before it goes to disk, or is refused."""
NO_TABLE = re.compile(r"table '(?:[^'.]+\.)*?([^'.]+)' not found")
NO_COLUMN = re.compile(r"No field named (?:\"?[\w ]+\"?\.)?\"?([^\s\".]+)\"?")
UNREADABLE = re.compile(r'ParserError\("(.*?)"\)', re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What came of a question."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    """Made as they are asked for. Raises InputError where a value turns out to be one that the question cannot take."""

    def table(self) -> pa.Table:
        """All rows at once."""
        return pa.Table.from_batches(self.batches, self.schema)


@dataclass(frozen=True)
class QueryTable:
    """A table that a question may name."""

    handle: DeltaTable
    hidden: Collection[str] = ()
    """Columns that the question does not see."""


def answer(sql: str, asked: Mapping[str, QueryTable]) -> Answer:
    """Ask a statement that only reads (`question.question`). Raises InputError that says what is wrong with it."""
    builder = QueryBuilder(ENGINE)
    try:
        builder.execute(f"SET datafusion.runtime.memory_limit = '{_memory_mib()}M'").read_all()
        for name, one in asked.items():
            _register(builder, name, one)
        found = pa.RecordBatchReader.from_stream(builder.execute(sql))
    except (DeltaError, pa.ArrowException) as error:
        raise _refusal(error, asked) from error
    schema = plain_schema(found.schema)
    return Answer(schema, _batches(found, schema, asked))


def _register(builder: QueryBuilder, name: str, one: QueryTable) -> None:
    if not one.hidden:
        builder.register(name, one.handle)
        return
    # A view of what may be seen; what lies under it has a name that nobody can say.
    whole = f"table_{secrets.token_hex(16)}"
    seen = [field.name for field in one.handle.schema().fields if field.name not in one.hidden]
    columns = ", ".join(f'"{column}"' for column in seen)
    builder.register(whole, one.handle)
    builder.execute(f'CREATE VIEW "{name}" AS SELECT {columns} FROM {whole}').read_all()


def _batches(
    found: pa.RecordBatchReader, schema: pa.Schema, asked: Mapping[str, QueryTable]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in found:
            yield batch.cast(schema)
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise _refusal(error, asked) from error


def _memory_mib() -> int:
    return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) >> 20


def _refusal(error: Exception, asked: Mapping[str, QueryTable]) -> InputError:
    """What the engine says, in words that help."""
    said = str(error)
    if found := NO_TABLE.search(said):
        return InputError(f"no table {found[1]}{_meant(found[1], TABLES)}; there are {', '.join(TABLES)}")
    if found := NO_COLUMN.search(said):
        return _no_column(found[1], asked)
    if found := UNREADABLE.search(said):
        return InputError(f"this is no SQL that can be read: {found[1]}")
    if "Resources exhausted" in said:
        return InputError(
            f"the question needs more than {_memory_mib() >> 10} GiB of memory; ask for fewer rows or columns, or let "
            "Spark answer it (docs/analysts.md)"
        )
    if "NotFound" in said or "No such file" in said:
        return InputError(
            "files of that version are gone: time travel reaches NEWSREEL_RETENTION_DAYS back, no further"
        )
    causes = [line.strip() for line in said.splitlines() if line.strip() and line.strip() != "caused by"]
    return InputError(f"the question cannot be answered: {causes[-1] if causes else said}")


def _no_column(name: str, asked: Mapping[str, QueryTable]) -> InputError:
    if any(name in one.hidden for one in asked.values()):
        return InputError(
            f"{name} says who somebody is, and is hidden; `--personal` shows it to whom NEWSREEL_PERSONAL=allowed lets"
        )
    columns = {
        field.name: table
        for table, one in asked.items()
        for field in one.handle.schema().fields
        if field.name not in one.hidden
    }
    there = "; ".join(
        f"{table} has {', '.join(column for column, where in columns.items() if where == table)}"
        for table in dict.fromkeys(columns.values())
    )
    return InputError(f"no column {name}{_meant(name, columns)}{'; ' if there else ''}{there}")


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]}" if near else ""
