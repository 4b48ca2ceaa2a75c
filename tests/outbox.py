"""The outbox of a test's database, all of it in the lake."""

from __future__ import annotations

import time

from stores.delta import Lake
from stores.outbox.lake_sink import drain, measure_lag
from stores.postgres import Connection

WITHIN_S = 120.0


def drain_all(connection: Connection, tables: Lake) -> None:
    """Bring every event, also where some server process's transaction (autovacuum's) keeps them from being settled."""
    deadline = time.monotonic() + WITHIN_S
    drain(connection, tables)
    while measure_lag(connection):
        connection.commit()
        assert time.monotonic() < deadline, "events are not settled"
        time.sleep(0.05)  # nothing tells that another transaction of the server has ended
        drain(connection, tables)
