"""Outbox of a test's database: drained into the lake."""

from __future__ import annotations

import time

from stores.delta import Lake
from stores.outbox.lake_sink import drain, measure_lag
from stores.postgres import Connection

WITHIN_S = 120.0


def drain_all(connection: Connection, tables: Lake) -> None:
    """Append every event, waiting while a transaction of a server process (autovacuum) keeps some unsettled."""
    deadline = time.monotonic() + WITHIN_S
    drain(connection, tables)
    while measure_lag(connection):
        connection.commit()
        assert time.monotonic() < deadline, "events are not settled"
        time.sleep(0.05)  # there is no notification of the end of another transaction
        drain(connection, tables)
