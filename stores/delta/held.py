"""Which rows of a live table the lake holds under some keys, and what their newest events are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import QueryBuilder

from schemas.table import Table
from stores.delta.lake import Lake
from stores.delta.query import plain_schema, predicate

CHUNK_ROWS = 1_000_000
"""Rows that are compared with the keys at once: each time the keys are hashed anew."""
NAMED_KEYS = 1_000
"""Up to so many values of the leading key column are named in the question, so that fewer rows come back."""


@dataclass(frozen=True)
class HeldRows:
    """Rows that a table holds: their keys as events have them, their newest events, since when there is each."""

    row_keys: pa.Array
    last_event_ids: pa.Array
    born: pa.Array

    def born_span(self, places: pa.Array) -> tuple[datetime, datetime] | None:
        """From when to when, both included, there have been the rows at these places; None for no rows."""
        if not len(places):
            return None
        span = pc.min_max(self.born.take(places)).as_py()
        return span["min"], span["max"]


def held_of(lake: Lake, declared: Table, row_keys: pa.Array, leading: pa.Array) -> HeldRows:
    """Those of the rows that the table holds; `leading` are their values of the first key column.

    Reads the key columns of the whole table, a part at a time, without a JVM.
    """
    found = [
        part.filter(pc.is_in(part["row_key"], row_keys))
        for part in _keys(lake, declared, leading.unique().to_pylist())
    ]
    schema = pa.schema(
        [("row_key", pa.string()), ("last_event_id", pa.int64()), ("born", pa.timestamp("us", tz="UTC"))]
    )
    held = pa.concat_tables(found).cast(schema) if found else schema.empty_table()
    return HeldRows(*(held[name].combine_chunks() for name in schema.names))


def _keys(lake: Lake, declared: Table, leading: Sequence[str | int]) -> Iterator[pa.Table]:
    """(row_key, last_event_id, born) of a table's rows, many at a time."""
    keys = [f"CAST({name} AS STRING)" for name in declared.key]
    row_key = keys[0] if len(keys) == 1 else f"concat_ws('/', {', '.join(keys)})"
    born = declared.born or "CAST(NULL AS TIMESTAMP)"
    query = f"SELECT {row_key} AS row_key, last_event_id, {born} AS born FROM {declared.name}"
    if len(leading) <= NAMED_KEYS:
        query += f" WHERE {predicate(declared, {declared.key[0]: list(leading)})}"
    held, batches = 0, []
    for batch in QueryBuilder().register(declared.name, lake.open(declared.name)).execute(query):
        batches.append(pa.record_batch(batch))
        held += batches[-1].num_rows
        if held >= CHUNK_ROWS:
            yield _table(batches)
            held, batches = 0, []
    if batches:
        yield _table(batches)


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    found = pa.Table.from_batches(batches)
    return found.cast(plain_schema(found.schema))
