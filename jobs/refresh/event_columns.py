"""Vectorized parsing of events by Arrow's JSON reader, in blocks, for texts in the form that the outbox writes.

The reader's result is used only where it cannot differ from `jobs.refresh.event_values`: it is strict about types, and
a text that the two could read differently, or a value outside its column's bounds, is parsed by that module, which also
gives the reason for a rejected row. The result is the same, about ten times faster.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from jobs.refresh.event_values import KINDS, build_parsed_schema, parse_one_by_one
from schemas.derive.sql import payload_columns
from schemas.table import Column, Table

BLOCK_EVENTS = 50_000
FEW_EVENTS = 16
"""A block that the reader rejects is halved down to this size; its events are then parsed one by one."""
SHORT_BYTES, LONGEST_BYTES, BRACKETS = 512, 4_096, 32
"""The reader recurses into brackets on the stack: texts above SHORT_BYTES may contain BRACKETS of each kind, and texts
above LONGEST_BYTES are left to the slow parser."""
UNSAFE = r"\\u|NaN|Infinity|[\x00-\x1f\x7f]"
"""Escaped code points (halves of surrogate pairs, NUL), words that are not valid JSON, control characters."""
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
"""Types whose text in a row key equals Arrow's cast to string."""


def parse_events(declared: Table, events: pa.Table) -> pa.Table:
    """Events of one table -> the same with `new` and `reason`, in no order; see `event_values.parsed_one_by_one`."""
    if any(declared.column(name).type not in KEY_TYPES for name in declared.key):
        return parse_one_by_one(declared, events)
    plain = _find_plain(events["row"])
    simple = events.filter(plain)
    parts = [parse_one_by_one(declared, events.filter(pc.invert(plain)))]
    for start in range(0, simple.num_rows, BLOCK_EVENTS):
        parts += _parse_block(declared, simple.slice(start, BLOCK_EVENTS))
    return pa.concat_tables(parts).combine_chunks()


def _find_plain(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Mask of the texts that are safe for the reader; false for null."""
    one_object = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    plain = pc.and_not(one_object, pc.match_substring_regex(texts, UNSAFE))
    length = pc.binary_length(texts)
    longer = pc.if_else(pc.greater(length, SHORT_BYTES), texts, "")
    for bracket in "{[":
        plain = pc.and_(plain, pc.less_equal(pc.count_substring(longer, bracket), BRACKETS))
    return pc.fill_null(pc.and_(plain, pc.less_equal(length, LONGEST_BYTES)), False)


def _parse_block(declared: Table, events: pa.Table) -> list[pa.Table]:
    """Parse a block of events; split it in halves if the reader rejects one of them."""
    if events.num_rows <= FEW_EVENTS:
        return [parse_one_by_one(declared, events)]
    try:
        values, good = _read_columns(declared, events)
    except pa.ArrowInvalid:
        half = events.num_rows // 2
        return _parse_block(declared, events.slice(0, half)) + _parse_block(declared, events.slice(half))
    schema = build_parsed_schema(declared)
    new = pa.StructArray.from_arrays(values, fields=list(schema.field("new").type))
    reason = pa.nulls(events.num_rows, pa.string())
    whole = pa.table([*events.columns, new, reason], schema=schema)
    return [whole.filter(good), parse_one_by_one(declared, events.filter(pc.invert(good)))]


def _read_columns(declared: Table, events: pa.Table) -> tuple[list[pa.Array], pa.Array]:
    """Values of each carried column, and a mask of the valid rows. Raises ArrowInvalid if the reader rejects a text."""
    columns = payload_columns(declared)
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
        raise pa.ArrowInvalid("a text is not exactly one JSON object")
    read = read.combine_chunks()
    kinds = events["kind"].combine_chunks()
    good, deleted = pc.is_in(kinds, pa.array(KINDS)), pc.equal(kinds, "deleted")
    values = {}
    for column in columns:
        raw = read[column.name].combine_chunks()
        values[column.name], fits = _convert_column(column, raw)
        if column.nullable:
            fits = pc.or_(fits, pc.is_null(raw))
        elif column.name not in declared.key:
            fits = pc.or_(fits, pc.and_(pc.is_null(raw), deleted))
        good = pc.and_(good, fits)
    keys = [pc.cast(values[name], pa.string()) for name in declared.key]
    row_key = keys[0] if len(keys) == 1 else pc.binary_join_element_wise(*keys, "/")
    good = pc.and_(good, pc.fill_null(pc.equal(row_key, events["row_key"].combine_chunks()), False))
    return list(values.values()), good


def _convert_column(column: Column, raw: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values cast to the column's type, and a mask of the valid ones; a missing value is null."""
    fits = pc.is_valid(raw)
    if column.type in ("timestamp", "date"):
        fits = pc.match_substring_regex(raw, INSTANT if column.type == "timestamp" else DAY)
        arrow_type = pa.timestamp("us", tz="UTC") if column.type == "timestamp" else pa.date32()
        values = pc.cast(pc.if_else(fits, raw, None), arrow_type)
    elif column.type == "list<string>":
        with_null = pc.filter(pc.list_parent_indices(raw), pc.is_null(pc.list_flatten(raw)))
        rows = pa.array(range(len(raw)), pa.int64())
        fits = pc.and_(fits, pc.invert(pc.is_in(rows, with_null.cast(pa.int64()))))
        values = raw
    else:
        values = raw
    if column.allowed:
        fits = pc.and_(fits, pc.is_in(values, pa.array(column.allowed)))
    bound = int if column.type == "int64" else float
    if column.minimum is not None:
        fits = pc.and_(fits, pc.greater_equal(values, bound(column.minimum)))
    if column.maximum is not None:
        fits = pc.and_(fits, pc.less_equal(values, bound(column.maximum)))
    return values, pc.fill_null(fits, False)
