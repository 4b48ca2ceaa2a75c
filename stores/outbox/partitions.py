"""Partitions of the outbox: one for each day, created ahead of it, dropped when all consumers have read them.

Tests: tests/stores/outbox/test_reader.py.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from psycopg import sql

from schemas.settings import settings
from stores.postgres import Connection

DAYS_AHEAD = 7
"""Days for which partitions are created ahead. Events of a day without one go into `events_default`."""
PREFIX = "events_day_"


def maintain_partitions(connection: Connection, today: date) -> None:
    """Create the partitions of the coming days, and drop those that are older than the retention and fully consumed.

    Commits. A day that has rows in `events_default` stays there.
    """
    existing = {
        row["name"]
        for row in connection.execute(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
    }
    for ahead in range(DAYS_AHEAD + 1):
        if (name := partition_name(today + timedelta(ahead))) not in existing:
            _create(connection, name, today + timedelta(ahead))
    connection.commit()
    oldest = partition_name(today - timedelta(settings().retention_days))
    for name in sorted(existing):
        if name.startswith(PREFIX) and name < oldest and _is_consumed(connection, name):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        connection.commit()


def partition_name(day: date) -> str:
    """The name of a day's partition."""
    return f"{PREFIX}{day:%Y%m%d}"


def _create(connection: Connection, name: str, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    bounds = {"start": sql.Literal(start), "end": sql.Literal(start + timedelta(days=1))}
    in_default = sql.SQL("SELECT FROM events_default WHERE at >= {start} AND at < {end} LIMIT 1").format(
        **bounds
    )
    if connection.execute(in_default).fetchone() is not None:
        return
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {name} PARTITION OF events FOR VALUES FROM ({start}) TO ({end})"
        ).format(name=sql.Identifier(name), **bounds)
    )


def _is_consumed(connection: Connection, name: str) -> bool:
    """Whether the cursors of all consumers are past all rows of a partition; False without any consumer."""
    query = sql.SQL(
        """SELECT count(*) > 0 AND NOT bool_or(EXISTS (
             SELECT FROM {} WHERE (transaction_id, event_id) > (c.transaction_id, c.event_id))) AS consumed
           FROM consumers c"""
    ).format(sql.Identifier(name))
    [row] = connection.execute(query).fetchall()
    return bool(row["consumed"])
