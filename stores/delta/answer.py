"""Answers to queries in SQL, one batch of rows at a time, by deltalake's own engine (DataFusion).

Tests: tests/newsreel/test_sql.py, tests/stores/delta/test_question.py.
"""

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
    # Of rows that a filter drops, or that are not in the LIMIT, only the columns of the condition are read.
    "datafusion.execution.parquet.pushdown_filters": "true",
    "datafusion.execution.parquet.reorder_filters": "true",
}
MEMORY_SHARE = 0.5
"""Share of the machine's memory that a query may use before it spills to disk or fails."""
NO_TABLE = re.compile(r"table '(?:[^'.]+\.)*?([^'.]+)' not found")
NO_COLUMN = re.compile(r"No field named (?:\"?[\w ]+\"?\.)?\"?([^\s\".]+)\"?")
UNREADABLE = re.compile(r'ParserError\("(.*?)"\)', re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """Result of a query."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    """Computed on demand. Raises InputError for a value that the query cannot process."""

    def table(self) -> pa.Table:
        """All rows."""
        return pa.Table.from_batches(self.batches, self.schema)


@dataclass(frozen=True)
class QueryTable:
    """A table that a query may name."""

    handle: DeltaTable
    hidden: Collection[str] = ()
    """Columns that the query cannot see."""


def answer(sql: str, tables: Mapping[str, QueryTable]) -> Answer:
    """Run a read-only statement (`question.parse_question`). Raises InputError that says what is wrong with it."""
    builder = QueryBuilder(ENGINE)
    try:
        builder.execute(f"SET datafusion.runtime.memory_limit = '{_memory_mib()}M'").read_all()
        for name, table in tables.items():
            _register(builder, name, table)
        reader = pa.RecordBatchReader.from_stream(builder.execute(sql))
    except (DeltaError, pa.ArrowException) as error:
        raise _explain(error, tables) from error
    schema = plain_schema(reader.schema)
    return Answer(schema, _read_batches(reader, schema, tables))


def _register(builder: QueryBuilder, name: str, table: QueryTable) -> None:
    if not table.hidden:
        builder.register(name, table.handle)
        return
    # A view of the visible columns; the table below it has a name that cannot be guessed.
    whole = f"table_{secrets.token_hex(16)}"
    visible = [field.name for field in table.handle.schema().fields if field.name not in table.hidden]
    columns = ", ".join(f'"{column}"' for column in visible)
    builder.register(whole, table.handle)
    builder.execute(f'CREATE VIEW "{name}" AS SELECT {columns} FROM {whole}').read_all()


def _read_batches(
    reader: pa.RecordBatchReader, schema: pa.Schema, tables: Mapping[str, QueryTable]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            yield batch.cast(schema)
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise _explain(error, tables) from error


def _memory_mib() -> int:
    return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) >> 20


def _explain(error: Exception, tables: Mapping[str, QueryTable]) -> InputError:
    """The engine's error in words that help."""
    message = str(error)
    if match := NO_TABLE.search(message):
        return InputError(
            f"no table {match[1]}{_suggest(match[1], TABLES)}; the tables are {', '.join(TABLES)}"
        )
    if match := NO_COLUMN.search(message):
        return _explain_column(match[1], tables)
    if match := UNREADABLE.search(message):
        return InputError(f"invalid SQL: {match[1]}")
    if "Resources exhausted" in message:
        return InputError(
            f"the query needs more than {_memory_mib() >> 10} GiB of memory; select fewer rows or columns, or use "
            "Spark (docs/analysts.md)"
        )
    if "NotFound" in message or "No such file" in message:
        return InputError(
            "files of that version are gone: time travel reaches NEWSREEL_RETENTION_DAYS back, no further"
        )
    causes = [line.strip() for line in message.splitlines() if line.strip() and line.strip() != "caused by"]
    return InputError(f"the query failed: {causes[-1] if causes else message}")


def _explain_column(name: str, tables: Mapping[str, QueryTable]) -> InputError:
    if any(name in table.hidden for table in tables.values()):
        return InputError(
            f"{name} identifies a person and is hidden; `--personal` shows it where NEWSREEL_PERSONAL=allowed"
        )
    columns = {
        field.name: table_name
        for table_name, table in tables.items()
        for field in table.handle.schema().fields
        if field.name not in table.hidden
    }
    listed = "; ".join(
        f"{table_name} has {', '.join(column for column, owner in columns.items() if owner == table_name)}"
        for table_name in dict.fromkeys(columns.values())
    )
    return InputError(f"no column {name}{_suggest(name, columns)}{'; ' if listed else ''}{listed}")


def _suggest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]}" if near else ""
