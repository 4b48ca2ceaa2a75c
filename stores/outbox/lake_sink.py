"""Lake sink: appends the outbox's events to the Delta table `events`, each exactly once.

It reads like the consumers of `stores.outbox.reader`. In addition, a batch's end is stored before the batch is
appended, and the append is an application transaction numbered by the batch: after a kill in between, the next sink
appends the same rows, or finds that the table has them.
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
    """Append all settled events; returns their number. One sink at a time does so, others return 0.

    Raises ConflictError if the database is older than its cursor, as after a restored dump (docs/runbook.md).
    """
    total = 0
    with consumer_lock(connection, CONSUMER) as acquired:
        more = acquired
        while more:
            appended, more = _append_batch(connection, lake)
            total += appended
    return total


def measure_lag(connection: Connection) -> int:
    """The number of events that are not in the lake yet."""
    return reader.measure_lag(connection, CONSUMER)


def _append_batch(connection: Connection, lake: Lake) -> tuple[int, bool]:
    """Append the next batch; returns the number of its events, and whether there were more when it was planned.

    Events that arrive meanwhile are left to the next `drain`: otherwise this one would not end under load, with a
    commit for every few events.
    """
    cursor, is_new = _plan_batch(connection)
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
    return len(rows), not is_new or len(rows) == BATCH_EVENTS


def _plan_batch(connection: Connection) -> tuple[dict[str, Any] | None, bool]:
    """The cursor with the stored end of the next batch, None if no event is settled; and whether it was planned now.

    A batch that was planned earlier is that of a sink that was killed.
    """
    cursor = lock_cursor(connection, CONSUMER)
    is_new = cursor["next_event_id"] is None
    if is_new:
        settled = connection.execute(PLAN, {**cursor, "limit": BATCH_EVENTS}).fetchall()
        if not settled:
            connection.commit()
            return None, is_new
        cursor["batch"] += 1
        cursor["next_transaction_id"] = settled[-1]["transaction_id"]
        cursor["next_event_id"] = settled[-1]["event_id"]
        connection.execute(
            """UPDATE consumers SET batch = %(batch)s, next_transaction_id = %(next_transaction_id)s::xid8,
               next_event_id = %(next_event_id)s WHERE consumer = %(consumer)s""",
            {**cursor, "consumer": CONSUMER},
        )
    connection.commit()
    return cursor, is_new
