"""Events' texts, read a block at a time: those that are as the outbox writes them by Arrow's JSON reader.

The reader's result is used only where it cannot differ from `jobs.refresh.event_values`: it is strict about types, and
a text that the two could read differently, or a value outside its column's bounds, is read by that module, which also
gives the reason for a rejected row. The answer is the same, about ten times faster.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from jobs.refresh.event_values import KINDS, parsed_one_by_one, parsed_schema
from schemas.derive.sql import carried_columns
from schemas.table import Column, Table

BLOCK_EVENTS = 50_000
FEW_EVENTS = 16
"""A block that the reader refuses is halved down to this many, which are then read one by one."""
SHORT_BYTES, LONGEST_BYTES, BRACKETS = 512, 4_096, 32
"""The reader goes into brackets on the stack: in a text that is not short they are counted, a longer one is left."""
UNLIKE = r"\\u|NaN|Infinity|[\x00-\x1f\x7f]"
"""Escaped code points (halves of surrogate pairs, NUL), words that are no JSON, control characters."""
INSTANT = r"^(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
"""A time as the outbox's triggers write it (`schemas.derive.sql`)."""
DAY = r"^(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d\d-\d\d$"

READ_AS = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.string(),
    "date": pa.string(),
    "list<string>": pa.list_(pa.string()),
}
KEY_TYPES = ("string", "int64", "date")
"""Types whose text in a row key is Arrow's too."""


def parsed_events(declared: Table, events: pa.Table) -> pa.Table:
    """Events of one table -> the same with `new` and `reason`, in no order; see `event_values.parsed_one_by_one`."""
    if any(declared.column(name).type not in KEY_TYPES for name in declared.key):
        return parsed_one_by_one(declared, events)
    plain = _plain(events["row"])
    alike = events.filter(plain)
    parts = [parsed_one_by_one(declared, events.filter(pc.invert(plain)))]
    for start in range(0, alike.num_rows, BLOCK_EVENTS):
        parts += _block(declared, alike.slice(start, BLOCK_EVENTS))
    return pa.concat_tables(parts).combine_chunks()


def _plain(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which texts the reader may be given. A null is none."""
    one_object = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    found = pc.and_not(one_object, pc.match_substring_regex(texts, UNLIKE))
    length = pc.binary_length(texts)
    longer = pc.if_else(pc.greater(length, SHORT_BYTES), texts, "")
    for bracket in "{[":
        found = pc.and_(found, pc.less_equal(pc.count_substring(longer, bracket), BRACKETS))
    return pc.fill_null(pc.and_(found, pc.less_equal(length, LONGEST_BYTES)), False)


def _block(declared: Table, events: pa.Table) -> list[pa.Table]:
    """Some events, read at once; by halves where the reader refuses one of them."""
    if events.num_rows <= FEW_EVENTS:
        return [parsed_one_by_one(declared, events)]
    try:
        values, good = _read(declared, events)
    except pa.ArrowInvalid:
        half = events.num_rows // 2
        return _block(declared, events.slice(0, half)) + _block(declared, events.slice(half))
    schema = parsed_schema(declared)
    new = pa.StructArray.from_arrays(values, fields=list(schema.field("new").type))
    reason = pa.nulls(events.num_rows, pa.string())
    whole = pa.table([*events.columns, new, reason], schema=schema)
    return [whole.filter(good), parsed_one_by_one(declared, events.filter(pc.invert(good)))]


def _read(declared: Table, events: pa.Table) -> tuple[list[pa.Array], pa.Array]:
    """The values of each carried column, and which rows may hold theirs. Raises ArrowInvalid where one is odd."""
    columns = carried_columns(declared)
    texts = events["row"].combine_chunks()
    lines = pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "\n")[0].as_buffer()
    read = arrow_json.read_json(
        io.BytesIO(lines),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=pa.schema([(column.name, READ_AS[column.type]) for column in columns]),
            unexpected_field_behavior="ignore",
        ),
    )
    if read.num_rows != len(texts):  # two objects on one line
        raise pa.ArrowInvalid("texts are not one object each")
    read = read.combine_chunks()
    kinds = events["kind"].combine_chunks()
    good, deleted = pc.is_in(kinds, pa.array(KINDS)), pc.equal(kinds, "deleted")
    values = {}
    for column in columns:
        said = read[column.name].combine_chunks()
        values[column.name], fits = _typed(column, said)
        if column.nullable:
            fits = pc.or_(fits, pc.is_null(said))
        elif column.name not in declared.key:
            fits = pc.or_(fits, pc.and_(pc.is_null(said), deleted))
        good = pc.and_(good, fits)
    keys = [pc.cast(values[name], pa.string()) for name in declared.key]
    row_key = keys[0] if len(keys) == 1 else pc.binary_join_element_wise(*keys, "/")
    good = pc.and_(good, pc.fill_null(pc.equal(row_key, events["row_key"].combine_chunks()), False))
    return list(values.values()), good


def _typed(column: Column, said: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values as the column's type, and which of them it may hold; null where nothing is said."""
    fits = pc.is_valid(said)
    if column.type in ("timestamp", "date"):
        fits = pc.match_substring_regex(said, INSTANT if column.type == "timestamp" else DAY)
        wanted = pa.timestamp("us", tz="UTC") if column.type == "timestamp" else pa.date32()
        said = pc.cast(pc.if_else(fits, said, None), wanted)
    elif column.type == "list<string>":
        holes = pc.filter(pc.list_parent_indices(said), pc.is_null(pc.list_flatten(said)))
        rows = pa.array(range(len(said)), pa.int64())
        fits = pc.and_(fits, pc.invert(pc.is_in(rows, holes.cast(pa.int64()))))
    if column.allowed:
        fits = pc.and_(fits, pc.is_in(said, pa.array(column.allowed)))
    bound = int if column.type == "int64" else float
    if column.minimum is not None:
        fits = pc.and_(fits, pc.greater_equal(said, bound(column.minimum)))
    if column.maximum is not None:
        fits = pc.and_(fits, pc.less_equal(said, bound(column.maximum)))
    return said, pc.fill_null(fits, False)
