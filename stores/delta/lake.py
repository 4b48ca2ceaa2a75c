"""Delta tables of the lake by name: create, append, merge, replace, delete, read at any version."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from schemas.derive.arrow import arrow_schema
from schemas.errors import ConflictError, NotFoundError, StorageError
from schemas.settings import settings
from schemas.table import Table
from schemas.tables import TABLES, table
from stores.delta.answer import Answer, QueryTable, answer
from stores.delta.bulk import (
    build_born_condition,
    build_key_condition,
    find_changed_rows,
    find_missing_rows,
    find_rows,
)
from stores.delta.creation import add_columns, create_table
from stores.delta.query import build_listing, build_predicate, build_selection, run_query
from stores.delta.question import parse_question
from stores.delta.versions import open_version
from stores.fence import guarded

Rows: TypeAlias = Iterable[Mapping[str, Any]] | pa.Table

T = TypeVar("T")

COMMIT_ATTEMPTS = 12
COMMIT_BACKOFF_S = 0.05


class Lake:
    """All declared tables under one URI. Stateless: each call sees the newest version."""

    def __init__(self, uri: str) -> None:
        """`uri`: a `file://` folder, or an object store that delta-rs supports."""
        self.uri = uri.rstrip("/")

    def location(self, name: str) -> str:
        """The table's location, as engines take it: an absolute path on this machine, otherwise a URI."""
        parts = urlsplit(self.uri)
        base = unquote(parts.path) if parts.scheme == "file" else self.uri
        return f"{base}/{table(name).name}"

    def ensure(self) -> None:
        """Create each declared table that is missing, empty, with its comments; add columns that were declared later.

        Idempotent. A column that is declared later must be nullable: earlier rows hold null. So a table without
        nullable columns is not opened.
        """
        for declared in TABLES.values():
            location = self.location(declared.name)
            with _storage_errors():
                if not DeltaTable.is_deltatable(location):
                    create_table(location, declared)
                elif any(column.nullable for column in declared):
                    add_columns(DeltaTable(location), declared)

    def open(self, name: str, as_of: int | datetime | None = None) -> DeltaTable:
        """A handle on a version of a table: by number, at a time, or the newest.

        Raises NotFoundError if the table is missing, InputError if time travel does not reach that far.
        """
        return open_version(name, self.location(name), as_of)

    def version(self, name: str) -> int:
        """The newest version of a table."""
        return self.open(name).version()

    def transaction_version(self, name: str, app_id: str) -> int | None:
        """The highest application transaction of `app_id` in the table; None without one."""
        return self.open(name).transaction_version(app_id)

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        as_of: int | datetime | None = None,
    ) -> pa.Table:
        """Rows of one table, ordered by its key. `where`: equalities; a list means any of its values."""
        declared = table(name)
        wanted = list(columns or declared.column_names)
        rows = run_query({name: self.open(name, as_of)}, build_selection(declared, wanted, where or {}))
        schema = arrow_schema(declared)
        return rows.cast(pa.schema([schema.field(column).remove_metadata() for column in wanted]))

    def ask(self, sql: str, *, personal: bool = False) -> Answer:
        """Run one read-only statement over all tables by name, also `AS OF` an earlier version.

        Columns that identify a person are hidden unless `personal`. Raises InputError that says what is wrong.
        """
        question = parse_question(sql, TABLES)
        if question.lists_tables:
            return answer(build_listing(TABLES.values()), {})
        tables: dict[str, QueryTable] = {}
        for name, source in question.sources.items():
            hidden = () if personal else TABLES[source.table].personal_columns
            with suppress(NotFoundError):  # another word that is also a table's name
                tables[name] = QueryTable(self.open(source.table, source.as_of), hidden)
        return answer(question.sql, tables)

    def query(self, sql: str) -> pa.Table:
        """All rows of a query; see `ask`."""
        return self.ask(sql).table()

    def append_once(self, name: str, rows: Rows, *, app_id: str, version: int) -> bool:
        """Append rows as application transaction `version` of `app_id`; False if the table has it already.

        delta-rs itself accepts a repeated application transaction, so the check and the write use one handle, and a
        commit that conflicts with another one checks again (Delta protocol, "Transaction Identifiers").
        """
        data = _as_arrow(table(name), rows)

        def attempt() -> bool:
            handle = self.open(name)
            if _is_recorded(handle, app_id, version):
                return False
            write_deltalake(handle, data, mode="append", commit_properties=_transaction(app_id, version))
            return True

        return _commit(name, attempt)

    def replace(self, name: str, *, scope: Mapping[str, Any], rows: Rows) -> int:
        """Replace the rows of a scope (equalities) in one commit; none if they are the same.

        Returns the number of rows written.
        """
        declared = table(name)
        data = _as_arrow(declared, rows).sort_by([(column, "ascending") for column in declared.key])

        def attempt() -> int:
            handle = self.open(name)
            if self.read(name, where=scope).equals(data):
                return 0
            condition = build_predicate(declared, scope)
            if data.num_rows:
                write_deltalake(handle, data, mode="overwrite", predicate=condition)
            else:
                handle.delete(condition)
            return int(data.num_rows)

        return _commit(name, attempt)

    def merge(self, name: str, rows: Rows) -> int:
        """Upsert rows by key in one commit; none if nothing changes. Returns the number of rows changed."""
        declared = table(name)
        data = _as_arrow(declared, rows)

        def attempt() -> int:
            handle = self.open(name)
            changed = find_changed_rows(handle, declared, data)
            if changed.num_rows:
                merger = handle.merge(
                    changed, build_key_condition(declared), source_alias="source", target_alias="target"
                )
                merger.when_matched_update_all().when_not_matched_insert_all().execute()
            return int(changed.num_rows)

        return _commit(name, attempt)

    def apply(
        self,
        name: str,
        rows: pa.Table,
        *,
        born: tuple[datetime, datetime] | None,
        app_id: str,
        version: int | None,
    ) -> bool:
        """Apply changes to a live table in one commit: rows with a column `event_kind`, upserted or deleted.

        `born`: span of `Table.born` of those rows that the table has already, None if it has none of them; files
        outside of it are not read. `rows` must not contain deletions of rows that the table lacks: delta-rs would
        search for their nulls. With `version`, as that application transaction; False if the table has it already.
        """
        declared = table(name)
        newer = "source.last_event_id > target.last_event_id"
        values = {column: f"source.{column}" for column in declared.column_names}
        condition = f"{build_key_condition(declared)}{build_born_condition(declared, born)}" if born else ""

        def attempt() -> bool:
            handle = self.open(name)
            if version is not None and _is_recorded(handle, app_id, version):
                return False
            marks = None if version is None else _transaction(app_id, version)
            if born is None:
                write_deltalake(handle, _as_arrow(declared, rows), mode="append", commit_properties=marks)
                return True
            merger = handle.merge(
                rows, condition, source_alias="source", target_alias="target", commit_properties=marks
            )
            (
                merger.when_matched_delete(f"{newer} AND source.event_kind = 'deleted'")
                .when_matched_update(values, f"{newer} AND source.event_kind = 'upserted'")
                .when_not_matched_insert(values, "source.event_kind = 'upserted'")
                .execute()
            )
            return True

        return _commit(name, attempt)

    def find_changed(self, name: str, rows: Rows) -> pa.Table:
        """The rows that the table lacks or holds with other values: those that its writer has to write."""
        declared = table(name)
        return find_changed_rows(self.open(name), declared, _as_arrow(declared, rows))

    def find_keys(self, name: str, keys: Rows) -> pa.Table:
        """The keys that the table has."""
        declared = table(name)
        data = _as_arrow(declared, keys, declared.key)
        return find_rows(self.open(name), declared, data, declared.key)

    def add(self, name: str, rows: Rows) -> int:
        """Insert the rows whose keys the table lacks, in one commit; none if it has them all. Returns their number."""
        declared = table(name)
        data = _as_arrow(declared, rows)

        def attempt() -> int:
            handle = self.open(name)
            fresh = find_missing_rows(handle, declared, data)
            if fresh.num_rows:
                merger = handle.merge(
                    fresh, build_key_condition(declared), source_alias="source", target_alias="target"
                )
                merger.when_not_matched_insert_all().execute()
            return int(fresh.num_rows)

        return _commit(name, attempt)

    def remove(self, name: str, keys: Rows) -> int:
        """Delete the rows with these keys, in one commit; none if there are no such rows. Returns their number."""
        declared = table(name)
        data = _as_arrow(declared, keys, declared.key)

        def attempt() -> int:
            handle = self.open(name)
            stored = find_rows(handle, declared, data, declared.key)
            if stored.num_rows:
                merger = handle.merge(
                    stored, build_key_condition(declared), source_alias="source", target_alias="target"
                )
                merger.when_matched_delete().execute()
            return int(stored.num_rows)

        return _commit(name, attempt)


def lake() -> Lake:
    """The lake of this process's settings."""
    return Lake(settings().lake_uri)


def _as_arrow(declared: Table, rows: Rows, columns: Sequence[str] | None = None) -> pa.Table:
    fields = [field for field in arrow_schema(declared) if columns is None or field.name in columns]
    schema = pa.schema([field.remove_metadata() for field in fields])
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _is_recorded(handle: DeltaTable, app_id: str, version: int) -> bool:
    newest = handle.transaction_version(app_id)
    return newest is not None and newest >= version


def _transaction(app_id: str, version: int) -> CommitProperties:
    """Without delta-rs's own retries: after a conflict the transaction has to be checked again."""
    return CommitProperties(app_transactions=[Transaction(app_id, version)], max_commit_retries=0)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Raise StorageError for a full disk, which delta-rs reports by several types of errors, in their text alone."""
    try:
        yield
    except (DeltaError, OSError) as error:
        if (full := os.strerror(errno.ENOSPC)) not in str(error):
            raise
        raise StorageError.from_os_error(OSError(errno.ENOSPC, full, settings().lake_uri)) from error


def _commit(name: str, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, retried with backoff from the newest version while it conflicts with other commits.

    Raises ConflictError after COMMIT_ATTEMPTS, or if this process's stage was overtaken.
    """
    for number in range(COMMIT_ATTEMPTS):
        try:
            with guarded(), _storage_errors():
                return attempt()
        except CommitFailedError:
            time.sleep(COMMIT_BACKOFF_S * 2 ** min(number, 5))
    raise ConflictError(f"table {name}: {COMMIT_ATTEMPTS} commits conflicted with other writers; try again")
