"""The lake's `events` for those who turn them into tables: what some versions added, which keys were deleted."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from schemas.derive.arrow import arrow_schema
from schemas.tables import table
from stores.delta.lake import Lake
from stores.delta.query import plain_schema, predicate, run_query

EVENTS = "events"


def added_events(lake: Lake, start: int, end: int, at_most: int) -> pa.Table | None:
    """The rows that versions `start` to `end` of `events` added; None where these are more than `at_most`.

    Rows that were only moved, by a compaction, are not among them (Delta protocol, "Change Data Files").
    """
    feed = lake.open(EVENTS).load_cdf(starting_version=start, ending_version=end)
    batches, rows = [], 0
    for batch in feed:
        found = pa.record_batch(batch)
        rows += found.num_rows
        if rows > at_most:
            return None
        batches.append(found)
    schema = pa.schema([field.remove_metadata() for field in arrow_schema(table(EVENTS))])
    if not batches:
        return schema.empty_table()
    feed_rows = pa.Table.from_batches(batches)
    plain = feed_rows.cast(plain_schema(feed_rows.schema))
    return plain.filter(pc.equal(plain["_change_type"], "insert")).select(schema.names).cast(schema)


def deletions(lake: Lake, name: str, row_keys: Sequence[str], after: int) -> dict[str, int]:
    """The newest deletion of each of these rows of a live table, as row key -> event id; only later ones than `after`.

    `after` keeps the question cheap: files whose events are all older are not opened.
    """
    condition = predicate(table(EVENTS), {"table_name": name, "kind": "deleted", "row_key": row_keys})
    found = run_query(
        {EVENTS: lake.open(EVENTS)},
        f"SELECT row_key, max(event_id) AS event_id FROM {EVENTS} "
        f"WHERE event_id > {after} AND {condition} GROUP BY row_key",
    )
    return dict(zip(found["row_key"].to_pylist(), found["event_id"].to_pylist(), strict=True))
