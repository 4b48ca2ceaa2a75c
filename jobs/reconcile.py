"""Stage `reconcile`: compares the counters that the API shows with counts of the lake's rows; the difference must be 0.

The tables are refreshed first. Only quiescent videos are compared: those without pending rows in the outbox or in
`tallies`. Counters set by an import have no rows to count and are reported separately. Nothing is repaired: an
unexplained difference is a fault; the stage names the videos and fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from jobs.refresh_tables import LEASE_WITHIN_S, refresh
from schemas.counters import COUNTED_TABLES, COUNTER_NAMES, COUNTERS
from schemas.derive.sql import count_rows
from schemas.errors import QualityError
from stores.delta import lake
from stores.outbox.lake_sink import CONSUMER
from stores.postgres import connect
from stores.stage import TABLES_SCOPE, stage_arguments, stage_attempt

Row: TypeAlias = Mapping[str, Any]

SAMPLE_VIDEOS = 20

LIVE = f"""
    WITH moving AS (
        SELECT video_id FROM tallies
        UNION SELECT row::json ->> 'video_id' FROM events
        WHERE (transaction_id, event_id) > (%s::xid8, %s)
        AND table_name IN ({", ".join(f"'{name}'" for name in ("videos", *COUNTED_TABLES))})
    )
    SELECT video_id, {", ".join(COUNTER_NAMES)}, sha256 IS NULL AS imported FROM videos v
    WHERE NOT EXISTS (SELECT FROM moving m WHERE m.video_id = v.video_id) ORDER BY video_id
"""


def _count_query(table: str) -> str:
    """The query for the counts of one counted table's rows by video; 0 for the counters of others."""
    counts = (
        f"{count_rows(counter) if counter.table == table else 0} AS {counter.column}" for counter in COUNTERS
    )
    return f"SELECT video_id, {', '.join(counts)} FROM {table} GROUP BY video_id"


IN_LAKE = f"""
    SELECT video_id, {", ".join(f"sum({name}) AS {name}" for name in COUNTER_NAMES)}
    FROM ({" UNION ALL ".join(map(_count_query, COUNTED_TABLES))}) GROUP BY video_id
"""
CURSOR = b"SELECT transaction_id::text, event_id FROM consumers WHERE consumer = %s"
"""The cursor of the lake sink: events up to it are in the lake."""


def reconcile(run_id: str) -> list[dict[str, Any]]:
    """Write a row of `reconciliations` for each counter; returns them. No other refresh may run at the same time."""
    with connect() as connection:
        row = connection.execute(CURSOR, (CONSUMER,)).fetchone()
        connection.commit()
        cursor = (row["transaction_id"], row["event_id"]) if row else ("0", 0)
        refresh(run_id)
        counted = {row["video_id"]: row for row in lake().query(IN_LAKE).to_pylist()}
        live = connection.execute(LIVE.encode(), cursor).fetchall()
    at = datetime.now(UTC)
    rows = [{"run_id": run_id, "at": at, **_compare(counter, live, counted)} for counter in COUNTER_NAMES]
    lake().merge("reconciliations", rows)
    return rows


def _compare(counter: str, live: Sequence[Row], counted: Mapping[str, Row]) -> dict[str, Any]:
    shown = {row["video_id"]: row for row in live}
    differences = {
        video_id: row[counter] - (counted[video_id][counter] if video_id in counted else 0)
        for video_id, row in shown.items()
    }
    differing = [name for name, by in differences.items() if by and not shown[name]["imported"]]
    return {
        "counter": counter,
        "videos": len(shown),
        "live": sum(row[counter] for row in live),
        "lake": sum(counted[video_id][counter] for video_id in shown if video_id in counted),
        "set_by_import": sum(by for name, by in differences.items() if shown[name]["imported"]),
        "differing": len(differing),
        "sample": json.dumps(differing[:SAMPLE_VIDEOS]) if differing else None,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage; it fails on an unexplained difference."""
    arguments = stage_arguments(argv)
    with stage_attempt(
        "reconcile", arguments, scope=TABLES_SCOPE, opens=True, waits_s=LEASE_WITHIN_S
    ) as attempt:
        rows = reconcile(arguments.run_id)
        attempt.rows = rows[0]["videos"]
        attempt.detail = "; ".join(
            f"{row['counter']}: live {row['live']}, lake {row['lake']}" for row in rows
        )
        if wrong := [row for row in rows if row["differing"]]:
            differences = "; ".join(
                f"{row['counter']} of {row['differing']} videos, for example {row['sample']}" for row in wrong
            )
            raise QualityError(
                f"counters of the API differ from the counts of the lake's rows: {differences}"
            )


if __name__ == "__main__":
    main()
