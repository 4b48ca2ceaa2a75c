"""Parser of rows from outside: each value in its declared type, or the reason why the row is rejected.

A value comes as text (a CSV cell), as a JSON value, or in Python's own type (Parquet); the rules are the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from schemas.table import Column, Table

IDENTIFIER = re.compile(r"[A-Za-z0-9._~-]{1,64}")
RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))?", re.ASCII
)
WHOLE = re.compile(r"([+-]?\d{1,19})(?:\.0+)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
INT64 = range(-(2**63), 2**63)
EARLIEST, LATEST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""Range of times in 64 bits of nanoseconds: Spark writes INT96, and other readers of it wrap around beyond (tried)."""
SHOWN_CHARACTERS = 60


class RowFaultError(ValueError):
    """A row is rejected; the message names column and value, and says what is needed."""


def parse_row(declared: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """A whole row in the declared order, with defaults and nulls filled in; unknown names are ignored.

    Derived columns that are not nullable (`last_event_id`) are left out: only their own program can number them.
    Raises RowFaultError that lists every fault of the row.
    """
    row, faults = {}, []
    for column in declared:
        if column.derived and not column.nullable:
            continue
        try:
            value = parse_value(column, given.get(column.name))
        except RowFaultError as fault:
            faults.append(str(fault))
            continue
        if value is not None or column.nullable:
            row[column.name] = value
        else:
            faults.append(f"{column.name} is missing")
    if faults:
        raise RowFaultError("; ".join(faults))
    return _order_pair(declared, row)


def parse_key(declared: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """The key columns alone, as `parse_row` parses them. Raises RowFaultError."""
    key, faults = {}, []
    for name in declared.key:
        try:
            key[name] = parse_value(declared.column(name), given.get(name))
        except RowFaultError as fault:
            faults.append(str(fault))
            continue
        if key[name] is None:
            faults.append(f"{name} is missing")
    if faults:
        raise RowFaultError("; ".join(faults))
    return _order_pair(declared, key)


def parse_value(column: Column, given: Any) -> Any:
    """The value in its declared type; without a value the default, or null. Raises RowFaultError."""
    if given is None:
        return list(column.default) if isinstance(column.default, tuple) else column.default
    try:
        value = _READERS[column.type](given)
    except (ValueError, OverflowError, TypeError, RecursionError) as error:
        raise RowFaultError(
            f"{_show(column, given)} is not {_NAMES[column.type]}{_explain(error)}"
        ) from error
    if column.identifier and not IDENTIFIER.fullmatch(value):
        raise RowFaultError(
            f"{_show(column, given)} is not an id: use 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -"
        )
    if column.allowed and value not in column.allowed:
        raise RowFaultError(f"{_show(column, given)} is not one of {', '.join(column.allowed)}")
    if column.minimum is not None and value < column.minimum:
        raise RowFaultError(f"{_show(column, given)} is below {column.minimum:g}")
    if column.maximum is not None and value > column.maximum:
        raise RowFaultError(f"{_show(column, given)} is above {column.maximum:g}")
    return value


def _order_pair(declared: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Put the lower id of an ordered pair first. Python compares by code point, as the table does."""
    if not declared.ordered_pair:
        return row
    first, second = declared.key
    if row[first] == row[second]:
        raise RowFaultError(f"{first} and {second} are the same; a pair needs two ids")
    low, high = sorted((row[first], row[second]))
    return {**row, first: low, second: high}


def _show(column: Column, given: Any) -> str:
    """Column and value for a reason; a personal value is not repeated."""
    if column.personal:
        return f"{column.name} (personal, not shown)"
    shown = json.dumps(given, ensure_ascii=False, default=str).encode(errors="backslashreplace").decode()
    return f"{column.name} = {shown[:SHOWN_CHARACTERS]}{'…' if len(shown) > SHOWN_CHARACTERS else ''}"


def _explain(error: Exception) -> str:
    return f" ({error})" if type(error) is _DetailError else ""


class _DetailError(ValueError):
    """Carries more than which type is needed."""


def _string(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    if "\0" in given:
        raise _DetailError("it contains a NUL character, which PostgreSQL cannot store")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise _DetailError("it is not valid Unicode") from error
    return given


def _int64(given: Any) -> int:
    """Accepts 3.0: some tools write integers so beside missing ones."""
    if isinstance(given, str):
        if not (written := WHOLE.fullmatch(given.strip())):
            raise ValueError
        given = int(written[1])
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError
    if given != math.trunc(given):
        raise ValueError
    if int(given) not in INT64:
        raise _DetailError("beyond 64 bits")
    return int(given)


def _float64(given: Any) -> float:
    if isinstance(given, str) and NUMBER.fullmatch(given.strip()):
        given = float(given)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError
    if not math.isfinite(given):
        raise _DetailError("not finite")
    return float(given)


def _boolean(given: Any) -> bool:
    found = {"true": True, "false": False}.get(given.strip().lower()) if isinstance(given, str) else given
    if not isinstance(found, bool):
        raise TypeError
    return found


def _timestamp(given: Any) -> datetime:
    """UTC in microseconds: finer digits are truncated, a time without an offset is UTC."""
    time = _parse_time(given)
    time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    if not EARLIEST <= time < LATEST:
        raise _DetailError(f"supported are the years {EARLIEST.year} to {LATEST.year - 1}")
    return time


def _parse_time(given: Any) -> datetime:
    """RFC 3339 (5.6), also with a space in place of the T and without an offset."""
    if isinstance(given, datetime):
        return given
    if not isinstance(given, str) or not (written := RFC_3339.fullmatch(given.strip())):
        raise _DetailError("as in 2026-11-23T10:00:00Z")
    *parts, fraction, utc, sign, hours, minutes = written.groups()
    zone: timezone = UTC
    if sign and not utc:
        if int(hours) > 23 or int(minutes) > 59:
            raise _DetailError("its offset is out of range")
        away = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-away if sign == "-" else away)
    microseconds = int((fraction or "0")[:6].ljust(6, "0"))
    year, month, day, hour, minute, second = map(int, parts)
    return datetime(year, month, day, hour, minute, second, microseconds, zone)


def _date(given: Any) -> date:
    if isinstance(given, datetime):
        if given.timetz().replace(tzinfo=None) != datetime.min.time():
            raise ValueError
        return given.date()
    if isinstance(given, date):
        return given
    if not isinstance(given, str) or not DATE.fullmatch(given.strip()):
        raise _DetailError("as in 2026-11-23")
    return date.fromisoformat(given.strip())


def _binary(given: Any) -> bytes:
    return given if isinstance(given, bytes) else bytes.fromhex(_string(given))


def _strings(given: Any) -> list[str]:
    found = json.loads(given) if isinstance(given, str) else given
    if not isinstance(found, list):
        raise TypeError
    return [_string(element) for element in found]


_READERS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int64": _int64,
    "float64": _float64,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "date": _date,
    "binary": _binary,
    "list<string>": _strings,
}
_NAMES = {
    "string": "text",
    "int64": "a whole number",
    "float64": "a number",
    "boolean": "true or false",
    "timestamp": "a time",
    "date": "a date",
    "binary": "bytes in hex",
    "list<string>": "a JSON array of strings",
}
