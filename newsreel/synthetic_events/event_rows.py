"""Events as the outbox writes them, built in bulk in Arrow and not yet numbered.

Columns: table_name, row_key, kind, row, at; `row` is JSON, concatenated in Arrow because a day has a million of them.
Tests: tests/newsreel/test_synthetic_events.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.tables import table

Ints = NDArray[np.int64]
Fields = Mapping[str, pa.Array]

EVENT_SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("row_key", pa.string()),
        ("kind", pa.string()),
        ("row", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
INSTANT = "%Y-%m-%dT%H:%M:%S"


def build_events(name: str, fields: Fields, at_us: Ints, kind: str = "upserted") -> pa.Table:
    """Build events of one table from its columns; for deletions `fields` holds the key alone."""
    keys = [pc.cast(fields[column], pa.string()) for column in table(name).key]
    row_key = keys[0] if len(keys) == 1 else pc.binary_join_element_wise(*keys, "/")
    count = len(row_key)
    columns = [
        pa.repeat(name, count),
        row_key,
        pa.repeat(kind, count),
        _build_json(fields),
        to_timestamps(at_us),
    ]
    return pa.table(columns, schema=EVENT_SCHEMA)


def to_timestamps(at_us: Ints) -> pa.Array:
    """Convert microseconds since 1970 to UTC timestamps."""
    return pa.array(at_us, pa.int64()).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _build_json(fields: Fields) -> pa.Array:
    """Build JSON objects, spaced as PostgreSQL's json_build_object; the texts must not need escapes."""
    pieces: list[str | pa.Array] = []
    for number, (name, values) in enumerate(fields.items()):
        opening = "{" if number == 0 else ", "
        pieces += [f'{opening}"{name}" : ', _to_json(values)]
    return pc.binary_join_element_wise(*pieces, "}", "")


def _to_json(values: pa.Array) -> pa.Array:
    if pa.types.is_null(values.type):
        return pa.repeat("null", len(values))
    if pa.types.is_timestamp(values.type):
        values = pc.binary_join_element_wise(pc.strftime(values, INSTANT), "Z", "")
    elif pa.types.is_list(values.type):
        return pa.repeat("[]", len(values))
    elif not pa.types.is_string(values.type):
        return pc.cast(values, pa.string())
    return pc.binary_join_element_wise('"', values, '"', "")
