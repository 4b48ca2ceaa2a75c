"""The lake sink: appends the outbox's events to the Delta table `events`, each exactly once.

It reads as `stores.outbox.reader` says. More than that: a batch's end is written down before it is appended, and the
append is an application transaction numbered by the batch, so that a sink that was killed in between appends the same
rows, or finds them there.
"""

from __future__ import annotations

from typing import Any

from stores.delta import Lake
from stores.outbox import reader
from stores.outbox.reader import consumer_lock, lock_cursor
from stores.postgres import Connection

CONSUMER = "lake-sink"
BATCH_EVENTS = 20_000

BATCH = b"""
    SELECT event_id, transaction_id::text::bigint AS transaction_id, table_name, row_key, kind, row, at,
        request_id
    FROM events
    WHERE (transaction_id, event_id) > (%(transaction_id)s::xid8, %(event_id)s::bigint)
    AND (transaction_id, event_id) <= (%(next_transaction_id)s::xid8, %(next_event_id)s::bigint)
    ORDER BY transaction_id, event_id
"""
PLAN = b"""
    SELECT transaction_id::text AS transaction_id, event_id FROM events
    WHERE (transaction_id, event_id) > (%(transaction_id)s::xid8, %(event_id)s::bigint)
    AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, event_id LIMIT %(limit)s
"""


def drain(connection: Connection, lake: Lake) -> int:
    """Append all events that are settled now; returns how many. One sink at a time does it, others return 0.

    Raises ConflictError where the database is older than its cursor, as after a restored dump (docs/runbook.md).
    """
    total = 0
    with consumer_lock(connection, CONSUMER) as ours:
        goes_on = ours
        while goes_on:
            appended, goes_on = _append_batch(connection, lake)
            total += appended
    return total


def measure_lag(connection: Connection) -> int:
    """Events that are not in the lake yet."""
    return reader.measure_lag(connection, CONSUMER)


def _append_batch(connection: Connection, lake: Lake) -> tuple[int, bool]:
    """Append the next batch; how many events that were, and whether more were there when it was planned.

    What comes meanwhile is the next turn's: else there were no end under load, and a commit for every few events.
    """
    cursor, anew = _planned(connection)
    if cursor is None:
        return 0, False
    rows = connection.execute(BATCH, cursor).fetchall()
    lake.append_once("events", rows, app_id=CONSUMER, version=cursor["batch"])
    connection.execute(
        """UPDATE consumers SET transaction_id = next_transaction_id, event_id = next_event_id,
           next_transaction_id = NULL, next_event_id = NULL WHERE consumer = %s""",
        (CONSUMER,),
    )
    connection.commit()
    return len(rows), not anew or len(rows) == BATCH_EVENTS


def _planned(connection: Connection) -> tuple[dict[str, Any] | None, bool]:
    """The cursor with the end of the batch to append now, written down; None where no event is settled.

    And whether it was planned now, not by a sink that did not come to its end.
    """
    cursor = lock_cursor(connection, CONSUMER)
    anew = cursor["next_event_id"] is None
    if anew:
        settled = connection.execute(PLAN, {**cursor, "limit": BATCH_EVENTS}).fetchall()
        if not settled:
            connection.commit()
            return None, anew
        cursor["batch"] += 1
        cursor["next_transaction_id"] = settled[-1]["transaction_id"]
        cursor["next_event_id"] = settled[-1]["event_id"]
        connection.execute(
            """UPDATE consumers SET batch = %(batch)s, next_transaction_id = %(next_transaction_id)s::xid8,
               next_event_id = %(next_event_id)s WHERE consumer = %(consumer)s""",
            {**cursor, "consumer": CONSUMER},
        )
    connection.commit()
    return cursor, anew
