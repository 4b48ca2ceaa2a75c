"""Row values of an event: parsed to the declared types, or the reason for which the event is rejected.

One event at a time, in plain Python: this module defines which texts are valid. `jobs.refresh.event_columns` parses
texts in the form that the outbox writes, in blocks, and delegates all others to this module.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from schemas.derive.arrow import arrow_field
from schemas.derive.sql import payload_columns
from schemas.table import Column, Table

KINDS = ("upserted", "deleted")
SHOWN_CHARACTERS = 60
"""Characters of an invalid value that a reason quotes."""

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
"""RFC 3339, section 5.6; a time without an offset is UTC."""
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

EVENT_FIELDS = (
    pa.field("event_id", pa.int64()),
    pa.field("kind", pa.string()),
    pa.field("row_key", pa.string()),
    pa.field("row", pa.string()),
    pa.field("at", pa.timestamp("us", tz="UTC")),
)


def build_parsed_schema(declared: Table) -> pa.Schema:
    """Schema (event_id, kind, row_key, row, at, new, reason); `new` is a struct of the columns that events carry."""
    new = pa.struct(
        [arrow_field(column).remove_metadata().with_nullable(True) for column in payload_columns(declared)]
    )
    return pa.schema([*EVENT_FIELDS, pa.field("new", new), pa.field("reason", pa.string())])


def parse_one_by_one(declared: Table, events: pa.Table) -> pa.Table:
    """Events of one table -> the same with `new` and `reason`, exactly one of which is null."""
    parsed = [{**event, **_parse(declared, event)} for event in events.to_pylist()]
    return pa.Table.from_pylist(parsed, schema=build_parsed_schema(declared))


def _parse(declared: Table, event: Mapping[str, Any]) -> dict[str, Any]:
    try:
        row = json.loads(event["row"], parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return {"new": None, "reason": "not a JSON object"}
    new, faults = {}, []
    if event["kind"] not in KINDS:
        faults.append(f"kind = {event['kind']}, not one of {', '.join(KINDS)}")
    for column in payload_columns(declared):
        needed = not column.nullable and (event["kind"] != "deleted" or column.name in declared.key)
        try:
            new[column.name] = _parse_value(column, row.get(column.name), needed)
        except ValueError as fault:
            faults.append(str(fault))
    if not faults and "/".join(str(new[name]) for name in declared.key) != event["row_key"]:
        faults.append("the key differs from the event's row_key")
    return {"new": None, "reason": "; ".join(faults)} if faults else {"new": new, "reason": None}


def _parse_value(column: Column, raw: Any, needed: bool) -> Any:
    """The column's value. Raises ValueError with the reason."""
    if raw is None:
        if needed:
            raise ValueError(f"{column.name} is missing")
        return None
    try:
        value = PARSERS[column.type](raw)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{column.name} = {_format_value(raw)}, not {column.type}") from error
    low, high = column.minimum, column.maximum
    if (
        (column.allowed and value not in column.allowed)
        or (low is not None and value < low)
        or (high is not None and value > high)
    ):
        raise ValueError(f"{column.name} = {_format_value(raw)}, not {_format_bounds(column)}")
    return value


def _parse_string(raw: Any) -> str:
    """A string that UTF-8 and PostgreSQL can represent: no half of a surrogate pair, no NUL."""
    if not isinstance(raw, str) or "\0" in raw:
        raise ValueError
    raw.encode()
    return raw


def _parse_int64(raw: Any) -> int:
    if type(raw) is not int or not -(2**63) <= raw < 2**63:
        raise ValueError
    return raw


def _parse_float64(raw: Any) -> float:
    if type(raw) not in (int, float) or not math.isfinite(value := float(raw)):
        raise ValueError
    return value


def _parse_boolean(raw: Any) -> bool:
    if type(raw) is not bool:
        raise ValueError
    return raw


def _parse_timestamp(raw: Any) -> datetime:
    if not isinstance(raw, str) or not TIMESTAMP.fullmatch(raw):
        raise ValueError
    at = datetime.fromisoformat(raw.upper())
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _parse_date(raw: Any) -> date:
    if not isinstance(raw, str) or not DATE.fullmatch(raw):
        raise ValueError
    return date.fromisoformat(raw)


def _parse_strings(raw: Any) -> list[str]:
    if not isinstance(raw, list):
        raise ValueError
    return [_parse_string(one) for one in raw]


PARSERS: dict[str, Callable[[Any], Any]] = {
    "string": _parse_string,
    "int64": _parse_int64,
    "float64": _parse_float64,
    "boolean": _parse_boolean,
    "timestamp": _parse_timestamp,
    "date": _parse_date,
    "list<string>": _parse_strings,
}
"""JSON value -> value of the column type, by type; raise ValueError or OverflowError. JSON cannot carry bytes."""


def _reject_constant(word: str) -> float:
    """Reject NaN and the infinities, which Python accepts and JSON does not have (RFC 8259, section 6)."""
    raise ValueError(word)


def _format_value(raw: Any) -> str:
    text = raw if isinstance(raw, str) and raw.isprintable() else json.dumps(raw)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _format_bounds(column: Column) -> str:
    if column.allowed:
        return f"one of {', '.join(column.allowed)}"
    low = "" if column.minimum is None else f"at least {column.minimum:g}"
    high = "" if column.maximum is None else f"at most {column.maximum:g}"
    return " and ".join(bound for bound in (low, high) if bound)
