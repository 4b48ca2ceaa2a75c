"""Readers of the outbox: each consumer has a cursor, and gets every event after it at least once, in order.

An event's id is assigned before its transaction commits, so ids below the newest one may still appear. A cursor is
therefore (transaction id, event id), and only settled events, of transactions below every running one, are delivered
(`pg_snapshot_xmin`). The cursor moves after the events are handled: after a kill they are delivered again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from schemas.errors import ConflictError
from stores.postgres import Connection, advisory_lock_id

BATCH_EVENTS = 1_000
Event = dict[str, Any]

SETTLED = b"""
    SELECT event_id, transaction_id::text, table_name, row_key, kind, row, at, request_id FROM events
    WHERE (transaction_id, event_id) > (%(transaction_id)s::xid8, %(event_id)s::bigint)
    AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, event_id LIMIT %(limit)s
"""
LAG = """
    SELECT count(*) AS events FROM events WHERE (transaction_id, event_id) > coalesce(
      (SELECT (transaction_id, event_id) FROM consumers WHERE consumer = %s), ('0'::xid8, 0::bigint))
"""


def handle_events(
    connection: Connection, consumer: str, tables: Sequence[str], handle: Callable[[Event], None]
) -> int:
    """Deliver the settled events of some tables to a consumer, then move its cursor; returns the number of events.

    One process at a time does so for a consumer, others return 0. An error of `handle` is passed on, and the cursor is
    moved up to the event before. Raises ConflictError if the database is older than the cursor, as after a restored
    dump (docs/runbook.md).
    """
    handled = 0
    with consumer_lock(connection, consumer) as acquired:
        while acquired:
            cursor = lock_cursor(connection, consumer)
            events = connection.execute(SETTLED, {**cursor, "limit": BATCH_EVENTS}).fetchall()
            connection.commit()
            if not events:
                break
            last = cursor
            try:
                for event in events:
                    if event["table_name"] in tables:
                        handle(event)
                        handled += 1
                    last = event
            finally:
                _move_cursor(connection, consumer, last)
    return handled


def measure_lag(connection: Connection, consumer: str) -> int:
    """The number of events after a consumer's cursor."""
    [row] = connection.execute(LAG.encode(), (consumer,)).fetchall()
    return int(row["events"])


def measure_lags(connection: Connection) -> dict[str, int]:
    """The number of events after each consumer's cursor, by consumer."""
    names = connection.execute("SELECT consumer FROM consumers ORDER BY consumer").fetchall()
    return {row["consumer"]: measure_lag(connection, row["consumer"]) for row in names}


@contextmanager
def consumer_lock(connection: Connection, consumer: str) -> Iterator[bool]:
    """Try to acquire a consumer's lock for the block; yields whether it was acquired."""
    lock = advisory_lock_id(consumer)
    [row] = connection.execute("SELECT pg_try_advisory_lock(%s) AS acquired", (lock,)).fetchall()
    connection.commit()
    try:
        yield bool(row["acquired"])
    finally:
        connection.rollback()
        if row["acquired"]:
            connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
            connection.commit()


def lock_cursor(connection: Connection, consumer: str) -> dict[str, Any]:
    """A consumer's cursor, locked until the transaction ends, created if it is new. Raises ConflictError, see above."""
    connection.execute("INSERT INTO consumers (consumer) VALUES (%s) ON CONFLICT DO NOTHING", (consumer,))
    [cursor] = connection.execute(
        """SELECT batch, transaction_id::text, event_id, next_transaction_id::text, next_event_id,
           transaction_id > pg_current_xact_id() AS ahead FROM consumers WHERE consumer = %s FOR UPDATE""",
        (consumer,),
    ).fetchall()
    if cursor["ahead"]:
        raise ConflictError(
            f"the cursor of {consumer} in the outbox is ahead of PostgreSQL's transactions: the database was restored "
            "from a dump; see docs/runbook.md, 'After a restore'"
        )
    return cursor


def _move_cursor(connection: Connection, consumer: str, last: Event) -> None:
    connection.execute(
        "UPDATE consumers SET transaction_id = %s::xid8, event_id = %s WHERE consumer = %s",
        (last["transaction_id"], last["event_id"], consumer),
    )
    connection.commit()
