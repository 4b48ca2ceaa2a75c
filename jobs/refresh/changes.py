"""Changes of one table from a slice of events: the newest event of each row, unless the table already reflects it.

Tests: tests/jobs/test_refresh_tables.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.derive.arrow import arrow_schema
from schemas.table import Table
from stores.delta import Lake
from stores.delta.key_index import KeyLookup, look_up_keys


@dataclass(frozen=True)
class Changes:
    """Rows to write to one table, each once, and the rejected events."""

    declared: Table
    rows: pa.Table
    """The table's columns, personal ones null, and `event_kind`: upserted or deleted. A deletion has only its key."""
    rejected: list[dict[str, Any]]
    born: tuple[datetime, datetime] | None
    """Span of `declared.born` of the rows that the table already has, including all deletions; None if it has none."""
    row_version: int
    """Row version of the table that the changes were computed from."""


def compute_changes(lake: Lake, declared: Table, parsed: pa.Table, deleted: pa.Table) -> Changes:
    """Changes from parsed events; `deleted`: all parsed deletions of the table that are newer than the oldest event.

    Drops stale events, deletions of absent rows, and rows that a later deletion overtook: events of one row may reach
    the lake out of order, and a deleted row keeps no `last_event_id`. A rejected deletion deletes nothing, wherever it
    occurs.
    """
    bad = pc.is_valid(parsed["reason"])
    newest = _select_newest(parsed.filter(pc.invert(bad)))
    deletions = _select_newest(deleted.filter(pc.is_null(deleted["reason"])))
    values = newest["new"].combine_chunks()
    held = look_up_keys(lake, declared, [pc.struct_field(values, [name]) for name in declared.key])
    change = _find_changing(newest, held, deletions)
    rows = _build_rows(declared, newest.filter(change))
    return Changes(
        declared, rows, parsed.filter(bad).to_pylist(), held.find_born_span(change), held.row_version
    )


def _select_newest(good: pa.Table) -> pa.Table:
    """The newest event of each row, in the order of the events."""
    if not good.num_rows:
        return good
    newest_first = pc.sort_indices(good, [("event_id", "descending")])
    codes = good["row_key"].take(newest_first).combine_chunks().dictionary_encode().indices
    _, first = np.unique(codes.to_numpy(), return_index=True)
    return good.take(newest_first.take(pa.array(np.sort(first)[::-1])))


def _find_changing(newest: pa.Table, held: KeyLookup, deleted: pa.Table) -> pa.Array:
    """Mask of the events that change the table."""
    keys, ids = newest["row_key"].combine_chunks(), newest["event_id"].combine_chunks()
    inserts = pc.and_(pc.is_null(held.last_event_ids), pc.equal(newest["kind"].combine_chunks(), "upserted"))
    changing = pc.or_(inserts, pc.fill_null(pc.greater(ids, held.last_event_ids), False))
    last = pc.index_in(keys, deleted["row_key"].combine_chunks())
    overtaken = pc.greater(deleted["event_id"].combine_chunks().take(last), ids)
    return pc.and_not(changing, pc.fill_null(overtaken, False))


def _build_rows(declared: Table, events: pa.Table) -> pa.Table:
    """Events as rows of their table. Every column is nullable, since a deletion may carry only its key."""
    names = (field.name for field in events.schema.field("new").type)
    values = dict(zip(names, _flatten_columns(events), strict=True))
    values["last_event_id"] = events["event_id"].combine_chunks()
    fields = [field.remove_metadata().with_nullable(True) for field in arrow_schema(declared)]
    columns = [values.get(field.name, pa.nulls(events.num_rows, field.type)) for field in fields]
    schema = pa.schema([*fields, pa.field("event_kind", pa.string())])
    return pa.table([*columns, events["kind"].combine_chunks()], schema=schema)


def _flatten_columns(events: pa.Table) -> list[pa.Array]:
    columns: list[pa.Array] = events["new"].combine_chunks().flatten()
    return columns
