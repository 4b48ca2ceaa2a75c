"""Delta tables of the lake by name: create, append, merge, replace, delete, read at any version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.table import TableMerger

from schemas.derive.arrow import arrow_schema
from schemas.errors import NotFoundError
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
from stores.delta.commits import (
    ON_THIS_VERSION,
    commit_with_retry,
    is_recorded,
    mark_transaction,
    require_row_version,
    storage_errors,
)
from stores.delta.creation import add_columns, create_table
from stores.delta.query import build_listing, build_predicate, build_selection, run_query
from stores.delta.question import parse_question
from stores.delta.versions import open_version

Rows: TypeAlias = Iterable[Mapping[str, Any]] | pa.Table


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
            with storage_errors():
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
            if is_recorded(handle, app_id, version):
                return False
            write_deltalake(handle, data, mode="append", commit_properties=mark_transaction(app_id, version))
            return True

        return commit_with_retry(name, attempt)

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
                write_deltalake(
                    handle, data, mode="overwrite", predicate=condition, commit_properties=ON_THIS_VERSION
                )
            else:
                handle.delete(condition, commit_properties=ON_THIS_VERSION)
            return int(data.num_rows)

        return commit_with_retry(name, attempt)

    def merge(self, name: str, rows: Rows) -> int:
        """Upsert rows by key in one commit; none if nothing changes. Returns the number of rows changed."""
        declared = table(name)
        data = _as_arrow(declared, rows)

        def attempt() -> int:
            handle = self.open(name)
            changed = find_changed_rows(handle, declared, data)
            if changed.num_rows:
                merger = _merge_by_key(handle, declared, changed)
                merger.when_matched_update_all().when_not_matched_insert_all().execute()
            return int(changed.num_rows)

        return commit_with_retry(name, attempt)

    def apply(
        self, name: str, rows: pa.Table, *, born: tuple[datetime, datetime] | None, row_version: int
    ) -> None:
        """Apply changes to a live table in one commit: rows with a column `event_kind`, upserted or deleted.

        `row_version`: of the table that the changes were computed from; raises OutdatedError if it is another one now.
        `born`: span of `Table.born` of those rows that the table has already, None if it has none of them; files
        outside of it are not read. `rows` must not contain deletions of rows that the table lacks: delta-rs would
        search for their nulls.
        """
        declared = table(name)
        newer = "source.last_event_id > target.last_event_id"
        values = {column: f"source.{column}" for column in declared.column_names}
        condition = f"{build_key_condition(declared)}{build_born_condition(declared, born)}" if born else ""

        def attempt() -> None:
            handle = self.open(name)
            properties = require_row_version(handle, row_version)
            if born is None:
                data = _as_arrow(declared, rows)
                write_deltalake(handle, data, mode="append", commit_properties=properties)
                return
            merger = handle.merge(
                rows, condition, source_alias="source", target_alias="target", commit_properties=properties
            )
            (
                merger.when_matched_delete(f"{newer} AND source.event_kind = 'deleted'")
                .when_matched_update(values, f"{newer} AND source.event_kind = 'upserted'")
                .when_not_matched_insert(values, "source.event_kind = 'upserted'")
                .execute()
            )

        commit_with_retry(name, attempt)

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
                merger = _merge_by_key(handle, declared, fresh)
                merger.when_not_matched_insert_all().execute()
            return int(fresh.num_rows)

        return commit_with_retry(name, attempt)

    def remove(self, name: str, keys: Rows) -> int:
        """Delete the rows with these keys, in one commit; none if there are no such rows. Returns their number."""
        declared = table(name)
        data = _as_arrow(declared, keys, declared.key)

        def attempt() -> int:
            handle = self.open(name)
            stored = find_rows(handle, declared, data, declared.key)
            if stored.num_rows:
                merger = _merge_by_key(handle, declared, stored)
                merger.when_matched_delete().execute()
            return int(stored.num_rows)

        return commit_with_retry(name, attempt)


def lake() -> Lake:
    """The lake of this process's settings."""
    return Lake(settings().lake_uri)


def _as_arrow(declared: Table, rows: Rows, columns: Sequence[str] | None = None) -> pa.Table:
    fields = [field for field in arrow_schema(declared) if columns is None or field.name in columns]
    schema = pa.schema([field.remove_metadata() for field in fields])
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _merge_by_key(handle: DeltaTable, declared: Table, rows: pa.Table) -> TableMerger:
    """A merge of `source` into `target` on the key, whose commit is the handle's next version or fails."""
    return handle.merge(
        rows, build_key_condition(declared), source_alias="source", target_alias="target",
        commit_properties=ON_THIS_VERSION,
    )  # fmt: skip
