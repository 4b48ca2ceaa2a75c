"""Events parsed in blocks and one by one have the same values and the same reasons."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.refresh import event_columns
from jobs.refresh.event_columns import parse_events
from jobs.refresh.event_values import EVENT_FIELDS, parse_one_by_one
from schemas.derive.sql import payload_columns
from schemas.table import Table
from schemas.tables import LIVE_TABLES
from schemas.tables.uploads import UPLOAD_CHUNKS
from schemas.tables.videos import VIDEOS
from tests.jobs.refresh.test_event_values import JSON, ODD_ROWS, WHOLE

AT = datetime(2026, 1, 1, tzinfo=UTC)
PRINTED = {**WHOLE, "created": "2026-11-23T10:00:00.000001Z"}
"""A video as the outbox writes it."""
ODD_TEXTS = [
    json.dumps(PRINTED), json.dumps({**PRINTED, "other": {"a": [1, {"b": 2}]}}), json.dumps(PRINTED) + "\n", "",
    json.dumps(PRINTED) * 2, f"{json.dumps(PRINTED)}\n{json.dumps(PRINTED)}", '{"likes": 1, "likes": 2}', "[]", "{}",
    json.dumps({**PRINTED, "other": float("nan")}), json.dumps({**PRINTED, "title": "NaN"}), "null", "{" * 60_000,
    json.dumps({**PRINTED, "title": "ü"}), json.dumps({**PRINTED, "title": "ü"}, ensure_ascii=False), "{'a': 1}",
    json.dumps({**PRINTED, "title": "\ud800"}), json.dumps({**PRINTED, "duration_s": 1e300}), '{"a":' * 20_000,
    json.dumps({**PRINTED, "duration_s": 7}), json.dumps({**PRINTED, "likes": 7.0}), '{"video_id": "v",}', "[" * 9,
    json.dumps(PRINTED)[:-1] + ', "duration_s": 1e999}', json.dumps(PRINTED)[:-1] + ', "views": 1E2}', "{]}", "\0",
    json.dumps({**PRINTED, "reasons": ["a", None]}), json.dumps({**PRINTED, "reasons": ["a", "b"]}), "{}{}", "{} {}",
    json.dumps({**PRINTED, "created": "0000-01-01T00:00:00.000000Z"}), '{"a": 01}', '{"video_id": "v"} // x', "{}x",
    json.dumps({**PRINTED, "created": "2026-02-30T00:00:00.000000Z"}), json.dumps({**PRINTED, "likes": 2**63 - 1}),
    json.dumps({**PRINTED, "created": "2026-12-31T23:59:60.000000Z"}), json.dumps({**PRINTED, "views": -1}), "{\t}",
    json.dumps({**PRINTED, "created": "9999-12-31T23:59:59.999999Z"}), json.dumps({**PRINTED, "status": "sideways"}),
    json.dumps({**PRINTED, "created": "2026-11-23T24:00:00.000000Z"}), json.dumps({**PRINTED, "title": "x" * 70_000}),
    json.dumps({**PRINTED, "video_id": "w"}), json.dumps({**PRINTED, "title": None}), json.dumps(PRINTED) + "\x7f",
    json.dumps({**PRINTED, "title": "a\u2028b\u0085"}, ensure_ascii=False), '{"video_id":"v","likes":-0}', "\ufeff{}",
    json.dumps(PRINTED)[:-1] + ', "other": ' + "[" * 1_700 + "]" * 1_700 + "}", '{"a":' * 600 + "1" + "}" * 600,
]  # fmt: skip


def build_events(texts: list[str], kinds: list[str], key: str = "v") -> pa.Table:
    rows = [
        {"event_id": number, "kind": kind, "row_key": key, "row": text, "at": AT}
        for number, (text, kind) in enumerate(zip(texts, kinds, strict=True), 1)
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(EVENT_FIELDS))


def parse_both_ways(declared: Table, made: pa.Table) -> pa.Table:
    """The result of both parsers; the test fails if they differ."""
    parsed = parse_events(declared, made).sort_by("event_id")
    assert parsed.to_pylist() == parse_one_by_one(declared, made).to_pylist()
    return parsed


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(
            ODD_ROWS | st.text() | JSON.map(json.dumps) | st.sampled_from(ODD_TEXTS),
            st.sampled_from(["upserted", "deleted", "moved"]),
        ),
        max_size=60,
    )
)
def test_any_texts_together_are_read_as_each_alone(made: list[tuple[str, str]]) -> None:
    parse_both_ways(VIDEOS, build_events([text for text, _ in made], [kind for _, kind in made]))


@pytest.mark.parametrize("few", [0, 16], ids=["to the last one", "by halves"])
@pytest.mark.parametrize("seed", range(5))
def test_odd_texts_among_many_good_ones(monkeypatch: pytest.MonkeyPatch, seed: int, few: int) -> None:
    monkeypatch.setattr(event_columns, "FEW_EVENTS", max(few, 1))
    chance = random.Random(seed)
    texts = [json.dumps(PRINTED)] * 400 + ODD_TEXTS
    chance.shuffle(texts)
    kinds = [chance.choice(["upserted", "upserted", "deleted"]) for _ in texts]
    found = parse_both_ways(VIDEOS, build_events(texts, kinds))
    assert found["reason"].null_count > 350


@pytest.mark.parametrize("declared", LIVE_TABLES, ids=lambda declared: declared.name)
def test_rows_as_the_outbox_writes_them_go_by_the_block(declared: Table) -> None:
    """For every live table, no event is left to the slow parser."""
    shown: dict[str, Any] = {
        "string": "a", "int64": 1, "float64": 1.5, "boolean": True, "timestamp": "2026-11-23T10:00:00.000001Z",
        "date": "2026-11-23", "list<string>": ["a"],
    }  # fmt: skip
    row = {
        column.name: column.allowed[0] if column.allowed else shown[column.type]
        for column in payload_columns(declared)
    }
    key = "/".join(str(row[name]) for name in declared.key)
    made = build_events([json.dumps(row)] * 100, ["upserted"] * 100, key)
    slow = 0

    def count_slow(declared: Table, left: pa.Table) -> pa.Table:
        nonlocal slow
        slow += left.num_rows
        return parse_one_by_one(declared, left)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_columns, "parse_one_by_one", count_slow)
        found = parse_events(declared, made)
    assert slow == 0
    assert found["reason"].null_count == 100
    assert found.sort_by("event_id").to_pylist() == parse_one_by_one(declared, made).to_pylist()


def test_keys_of_several_columns_and_numbers_in_them() -> None:
    row = {"upload_id": "u", "chunk_index": 12, "byte_start": 0, "byte_end": 1, "sha256": "0" * 64}
    texts = [json.dumps(row)] * 40 + [json.dumps({**row, "chunk_index": 13})]
    found = parse_both_ways(UPLOAD_CHUNKS, build_events(texts, ["upserted"] * 41, "u/12"))
    assert found["reason"].to_pylist()[-1] == "the key differs from the event's row_key"


def test_one_bad_event_in_many_does_not_make_all_of_them_slow() -> None:
    good = build_events([json.dumps(PRINTED)] * 30_000, ["upserted"] * 30_000)
    bad = build_events([json.dumps({**PRINTED, "likes": "x"})], ["upserted"])
    started = time.perf_counter()
    parse_events(VIDEOS, good)
    clean_s = time.perf_counter() - started
    started = time.perf_counter()
    found = parse_events(VIDEOS, pa.concat_tables([good.slice(0, 17_000), bad, good.slice(17_000)]))
    assert time.perf_counter() - started < 10 * clean_s + 1
    assert found.filter(pa.compute.is_valid(found["reason"])).num_rows == 1
