"""What an event says of its row: values of the declared types, or the reason why it cannot be taken.

One event at a time, in plain Python: this module defines which texts are valid. `jobs.refresh.event_columns` reads
texts in the form that the outbox writes, a block at a time, and delegates all others to this module.
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
from schemas.derive.sql import carried_columns
from schemas.table import Column, Table

KINDS = ("upserted", "deleted")
SHOWN_CHARACTERS = 60
"""Of a wrong value in a reason."""

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
"""RFC 3339, section 5.6, also without an offset: UTC then."""
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

EVENT_FIELDS = (
    pa.field("event_id", pa.int64()),
    pa.field("kind", pa.string()),
    pa.field("row_key", pa.string()),
    pa.field("row", pa.string()),
    pa.field("at", pa.timestamp("us", tz="UTC")),
)


def parsed_schema(declared: Table) -> pa.Schema:
    """(event_id, kind, row_key, row, at, new, reason); `new` is a struct of the columns that events carry."""
    new = pa.struct(
        [arrow_field(column).remove_metadata().with_nullable(True) for column in carried_columns(declared)]
    )
    return pa.schema([*EVENT_FIELDS, pa.field("new", new), pa.field("reason", pa.string())])


def parsed_one_by_one(declared: Table, events: pa.Table) -> pa.Table:
    """Events of one table -> the same with `new` and `reason`; the one is null where the other is not."""
    parsed = [{**event, **_parsed(declared, event)} for event in events.to_pylist()]
    return pa.Table.from_pylist(parsed, schema=parsed_schema(declared))


def _parsed(declared: Table, event: Mapping[str, Any]) -> dict[str, Any]:
    try:
        said = json.loads(event["row"], parse_constant=_no_number)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return {"new": None, "reason": "it is no JSON object"}
    new, faults = {}, []
    if event["kind"] not in KINDS:
        faults.append(f"kind = {event['kind']}, not one of {', '.join(KINDS)}")
    for column in carried_columns(declared):
        needed = not column.nullable and (event["kind"] != "deleted" or column.name in declared.key)
        try:
            new[column.name] = _value(column, said.get(column.name), needed)
        except ValueError as fault:
            faults.append(str(fault))
    if not faults and "/".join(str(new[name]) for name in declared.key) != event["row_key"]:
        faults.append("its key is not the event's row_key")
    return {"new": None, "reason": "; ".join(faults)} if faults else {"new": new, "reason": None}


def _value(column: Column, said: Any, needed: bool) -> Any:
    """The column's value. Raises ValueError that says what is wrong with it."""
    if said is None:
        if needed:
            raise ValueError(f"{column.name} is missing")
        return None
    try:
        value = READERS[column.type](said)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{column.name} = {_shown(said)}, not {column.type}") from error
    low, high = column.minimum, column.maximum
    if (
        (column.allowed and value not in column.allowed)
        or (low is not None and value < low)
        or (high is not None and value > high)
    ):
        raise ValueError(f"{column.name} = {_shown(said)}, not {_bounds(column)}")
    return value


def _string(said: Any) -> str:
    """Text that UTF-8 and PostgreSQL can hold: no half of a surrogate pair, no NUL."""
    if not isinstance(said, str) or "\0" in said:
        raise ValueError
    said.encode()
    return said


def _int64(said: Any) -> int:
    if type(said) is not int or not -(2**63) <= said < 2**63:
        raise ValueError
    return said


def _float64(said: Any) -> float:
    if type(said) not in (int, float) or not math.isfinite(value := float(said)):
        raise ValueError
    return value


def _boolean(said: Any) -> bool:
    if type(said) is not bool:
        raise ValueError
    return said


def _timestamp(said: Any) -> datetime:
    if not isinstance(said, str) or not TIMESTAMP.fullmatch(said):
        raise ValueError
    at = datetime.fromisoformat(said.upper())
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _date(said: Any) -> date:
    if not isinstance(said, str) or not DATE.fullmatch(said):
        raise ValueError
    return date.fromisoformat(said)


def _strings(said: Any) -> list[str]:
    if not isinstance(said, list):
        raise ValueError
    return [_string(one) for one in said]


READERS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int64": _int64,
    "float64": _float64,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "date": _date,
    "list<string>": _strings,
}
"""A JSON value as one of a column's type; ValueError or OverflowError where it is none. JSON holds no bytes."""


def _no_number(word: str) -> float:
    """NaN and the infinities, which Python's reader takes and JSON does not have (RFC 8259, section 6)."""
    raise ValueError(word)


def _shown(said: Any) -> str:
    text = said if isinstance(said, str) and said.isprintable() else json.dumps(said)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _bounds(column: Column) -> str:
    if column.allowed:
        return f"one of {', '.join(column.allowed)}"
    low = "" if column.minimum is None else f"at least {column.minimum:g}"
    high = "" if column.maximum is None else f"at most {column.maximum:g}"
    return " and ".join(bound for bound in (low, high) if bound)
