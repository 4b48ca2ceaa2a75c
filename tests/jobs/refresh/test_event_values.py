"""Parsing of an event gives values of the declared types or a reason, never both, and raises nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.refresh.event_values import EVENT_FIELDS, PARSERS, parse_one_by_one
from schemas.derive.sql import payload_columns
from schemas.table import Column, Table
from schemas.tables import LIVE_TABLES
from schemas.tables.videos import VIDEOS

WHOLE: dict[str, Any] = {
    "video_id": "v", "title": "A", "uploader_id": "u", "likes": 0, "dislikes": 0, "views": 0, "status": "ready",
    "reasons": [], "visibility": "public", "sha256": "0" * 64, "created": "2026-11-23T10:00:00Z",
}  # fmt: skip
NAMES = [column.name for column in payload_columns(VIDEOS)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
ODD_ROWS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4).map(
    lambda odd: json.dumps({**WHOLE, **odd})
)


def parse(text: str, kind: str = "upserted", key: str = "v", declared: Table = VIDEOS) -> dict[str, Any]:
    event = {"event_id": 1, "kind": kind, "row_key": key, "row": text, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    events = pa.Table.from_pylist([event], schema=pa.schema(EVENT_FIELDS))
    [found] = parse_one_by_one(declared, events).to_pylist()
    assert isinstance(found, dict)
    return found


@settings(deadline=None)
@given(ODD_ROWS | st.text() | JSON.map(json.dumps), st.sampled_from(["upserted", "deleted", "moved"]))
def test_any_text_is_values_or_a_reason(text: str, kind: str) -> None:
    found = parse(text, kind)
    assert (found["new"] is None) != (found["reason"] is None)
    if found["new"]:
        said = json.loads(text)
        assert all(
            said.get(name) == found["new"][name] for name in NAMES if name not in ("created", "duration_s")
        )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"title": None}, "title is missing"),
        ({"title": 5}, "title = 5, not string"),
        ({"title": "\ud800"}, 'title = "\\ud800", not string'),
        ({"title": "a\0b"}, 'title = "a\\u0000b", not string'),
        ({"likes": "5"}, "likes = 5, not int64"),
        ({"likes": 5.0}, "likes = 5.0, not int64"),
        ({"likes": True}, "likes = true, not int64"),
        ({"likes": 2**63}, "likes = 9223372036854775808, not int64"),
        ({"likes": -1}, "likes = -1, not at least 0"),
        ({"duration_s": "1"}, "duration_s = 1, not float64"),
        ({"reasons": ["x", 1]}, 'reasons = ["x", 1], not list<string>'),
        ({"visibility": "odd"}, "visibility = odd, not one of public, unlisted, private"),
        ({"created": "2026-02-30T00:00:00Z"}, "created = 2026-02-30T00:00:00Z, not timestamp"),
        ({"created": "yesterday"}, "created = yesterday, not timestamp"),
        ({"video_id": "w"}, "the key differs from the event's row_key"),
        ({"title": None, "likes": "x" * 99}, f"title is missing; likes = {'x' * 60}…, not int64"),
    ],
)
def test_a_reason_names_each_column_what_it_holds_and_what_was_expected(
    changed: dict[str, Any], reason: str
) -> None:
    assert parse(json.dumps({**WHOLE, **changed}))["reason"] == reason


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"likes": NaN}', "[" * 100_000, '{"likes": 1' + "0" * 5000 + "}"]
)
def test_what_is_no_json_object_is_called_so(text: str) -> None:
    assert parse(text)["reason"] == "not a JSON object"


def test_times_are_utc_with_or_without_an_offset() -> None:
    at = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    for written in ("2026-11-23T10:00:00Z", "2026-11-23 10:00:00", "2026-11-23T15:30:00.000+05:30"):
        assert parse(json.dumps({**WHOLE, "created": written}))["new"]["created"] == at


def test_a_deletion_needs_its_key_alone_and_an_unknown_kind_is_told() -> None:
    assert parse('{"video_id": "v"}', "deleted")["reason"] is None
    assert parse("{}", "deleted")["reason"] == "video_id is missing"
    assert parse(json.dumps(WHOLE), "moved")["reason"] == "kind = moved, not one of upserted, deleted"


def test_every_live_column_that_events_carry_has_a_reader() -> None:
    needed: set[Column] = {column for declared in LIVE_TABLES for column in payload_columns(declared)}
    assert {column.type for column in needed} <= set(PARSERS)
