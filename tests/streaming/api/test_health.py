"""Metrics of the outbox: `/metrics` shows how far each consumer lags."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from stores.outbox import upsert_row
from stores.postgres import connect
from streaming.api.health import OutboxLag
from streaming.serving.database import Database


def measure(database_url: str) -> CollectorRegistry:
    """The registry after one measurement."""
    registry = CollectorRegistry()
    lag = OutboxLag(registry)

    async def run() -> None:
        database = Database(database_url)
        await database.open()
        await lag.measure(database)
        await database.close()

    asyncio.run(run())
    return registry


def test_a_consumer_lags_by_the_events_past_its_cursor(database_url: str) -> None:
    with connect() as connection:
        connection.execute("INSERT INTO consumers (consumer) VALUES ('behind')")
        for number in range(3):
            fields = {"user_name": f"user-{number}", "created": datetime.now(UTC)}
            upsert_row(connection, "users", {"user_id": f"u{number}"}, fields)
    labels = {"consumer": "behind"}
    registry = measure(database_url)
    assert registry.get_sample_value("outbox_lag_events", labels) == 3
    assert 0 <= (registry.get_sample_value("outbox_lag_seconds", labels) or 0) < 3_600

    with connect() as connection:
        connection.execute(
            """UPDATE consumers SET (transaction_id, event_id) =
                 (SELECT transaction_id, event_id FROM events ORDER BY transaction_id DESC, event_id DESC LIMIT 1)
               WHERE consumer = 'behind'"""
        )
    registry = measure(database_url)
    assert registry.get_sample_value("outbox_lag_events", labels) == 0
    assert registry.get_sample_value("outbox_lag_seconds", labels) == 0
