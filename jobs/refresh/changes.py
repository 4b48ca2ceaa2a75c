"""What a slice of events changes in one table: the newest event of each row, unless the table shows it already."""

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
from stores.delta.key_index import HeldRows, held_of


@dataclass(frozen=True)
class Changes:
    """Rows to write to one table, each once, and the events that were refused."""

    declared: Table
    rows: pa.Table
    """The table's columns, personal ones null, and `event_kind`: upserted or deleted. A deletion has its key alone."""
    refused: list[dict[str, Any]]
    born: tuple[datetime, datetime] | None
    """The span of `declared.born` of those that it holds, deletions all among them; None where it holds none."""


def changes(lake: Lake, declared: Table, parsed: pa.Table, deleted: pa.Table) -> Changes:
    """What parsed events change; `deleted`: parsed deletions of the table, all those after the oldest of the events.

    Dropped are those that are no newer than what the table holds, deletions of what it does not hold, and rows that a
    later deletion overtook: events of one row may reach the lake out of order, and a deleted row keeps no
    `last_event_id`. A deletion that is refused deletes nothing, wherever it comes.
    """
    bad = pc.is_valid(parsed["reason"])
    newest = _newest(parsed.filter(pc.invert(bad)))
    gone = _newest(deleted.filter(pc.is_null(deleted["reason"])))
    values = newest["new"].combine_chunks()
    held = held_of(lake, declared, [pc.struct_field(values, [name]) for name in declared.key])
    change = _changing(newest, held, gone)
    rows = _rows(declared, newest.filter(change))
    return Changes(declared, rows, parsed.filter(bad).to_pylist(), held.born_span(change))


def _newest(good: pa.Table) -> pa.Table:
    """The newest event of each row, in the events' order."""
    if not good.num_rows:
        return good
    newest_first = pc.sort_indices(good, [("event_id", "descending")])
    codes = good["row_key"].take(newest_first).combine_chunks().dictionary_encode().indices
    _, first = np.unique(codes.to_numpy(), return_index=True)
    return good.take(newest_first.take(pa.array(np.sort(first)[::-1])))


def _changing(newest: pa.Table, held: HeldRows, deleted: pa.Table) -> pa.Array:
    """Which events change the table."""
    keys, ids = newest["row_key"].combine_chunks(), newest["event_id"].combine_chunks()
    appears = pc.and_(pc.is_null(held.last_event_ids), pc.equal(newest["kind"].combine_chunks(), "upserted"))
    changing = pc.or_(appears, pc.fill_null(pc.greater(ids, held.last_event_ids), False))
    last = pc.index_in(keys, deleted["row_key"].combine_chunks())
    overtaken = pc.greater(deleted["event_id"].combine_chunks().take(last), ids)
    return pc.and_not(changing, pc.fill_null(overtaken, False))


def _rows(declared: Table, events: pa.Table) -> pa.Table:
    """Events as rows of their table. Every column may be null, since a deletion carries no more than its key."""
    said = dict(zip((field.name for field in events.schema.field("new").type), _columns(events), strict=True))
    said["last_event_id"] = events["event_id"].combine_chunks()
    fields = [field.remove_metadata().with_nullable(True) for field in arrow_schema(declared)]
    columns = [said.get(field.name, pa.nulls(events.num_rows, field.type)) for field in fields]
    schema = pa.schema([*fields, pa.field("event_kind", pa.string())])
    return pa.table([*columns, events["kind"].combine_chunks()], schema=schema)


def _columns(events: pa.Table) -> list[pa.Array]:
    found: list[pa.Array] = events["new"].combine_chunks().flatten()
    return found
