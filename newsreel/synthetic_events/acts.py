"""Acts of people as the outbox writes them: events of live rows, many at once, without their numbers.

(table_name, row_key, kind, row, at); `row` is JSON, put together in Arrow because a day has a million of them.
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

ACTS = pa.schema(
    [
        ("table_name", pa.string()),
        ("row_key", pa.string()),
        ("kind", pa.string()),
        ("row", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
INSTANT = "%Y-%m-%dT%H:%M:%S"


def acts(name: str, fields: Fields, at_us: Ints, kind: str = "upserted") -> pa.Table:
    """Events of one table, a row for each place in `fields`; of a deletion these are the key alone."""
    keys = [pc.cast(fields[column], pa.string()) for column in table(name).key]
    row_key = keys[0] if len(keys) == 1 else pc.binary_join_element_wise(*keys, "/")
    count = len(row_key)
    columns = [_repeated(name, count), row_key, _repeated(kind, count), _json(fields), moments(at_us)]
    return pa.table(columns, schema=ACTS)


def moments(at_us: Ints) -> pa.Array:
    """Microseconds since 1970 as times."""
    return pa.array(at_us, pa.int64()).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _json(fields: Fields) -> pa.Array:
    """Objects with these members, spaced as PostgreSQL's json_build_object does. No text in them needs an escape."""
    pieces: list[str | pa.Array] = []
    for place, (name, values) in enumerate(fields.items()):
        opening = "{" if place == 0 else ", "
        pieces += [f'{opening}"{name}" : ', _said(values)]
    return pc.binary_join_element_wise(*pieces, "}", "")


def _said(values: pa.Array) -> pa.Array:
    if pa.types.is_null(values.type):
        return _repeated("null", len(values))
    if pa.types.is_timestamp(values.type):
        values = pc.binary_join_element_wise(pc.strftime(values, INSTANT), "Z", "")
    elif pa.types.is_list(values.type):
        return _repeated("[]", len(values))
    elif not pa.types.is_string(values.type):
        return pc.cast(values, pa.string())
    return pc.binary_join_element_wise('"', values, '"', "")


def _repeated(text: str, count: int) -> pa.Array:
    return pa.repeat(text, count)
