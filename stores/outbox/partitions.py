"""The outbox's partitions: one for each day, made ahead of time, dropped once everybody has read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from psycopg import sql

from schemas.settings import settings
from stores.postgres import Connection

DAYS_AHEAD = 7
"""How many days' partitions are there before their day. A day without one goes into `events_default`."""
PREFIX = "events_day_"


def maintain_partitions(connection: Connection, today: date) -> None:
    """Make the coming days' partitions, and drop those that are older than the retention and wholly consumed.

    Commits. A day for which `events_default` holds rows already stays there.
    """
    held = {
        row["name"]
        for row in connection.execute(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
    }
    for ahead in range(DAYS_AHEAD + 1):
        if (name := partition_name(today + timedelta(ahead))) not in held:
            _make(connection, name, today + timedelta(ahead))
    connection.commit()
    oldest = partition_name(today - timedelta(settings().retention_days))
    for name in sorted(held):
        if name.startswith(PREFIX) and name < oldest and _consumed(connection, name):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        connection.commit()


def partition_name(day: date) -> str:
    """The name of a day's partition."""
    return f"{PREFIX}{day:%Y%m%d}"


def _make(connection: Connection, name: str, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    bounds = {"start": sql.Literal(start), "end": sql.Literal(start + timedelta(days=1))}
    strays = sql.SQL("SELECT FROM events_default WHERE at >= {start} AND at < {end} LIMIT 1").format(**bounds)
    if connection.execute(strays).fetchone() is not None:
        return
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {name} PARTITION OF events FOR VALUES FROM ({start}) TO ({end})"
        ).format(name=sql.Identifier(name), **bounds)
    )


def _consumed(connection: Connection, name: str) -> bool:
    """Whether every reader of the outbox has passed all rows of a partition; no reader at all has passed none."""
    query = sql.SQL(
        """SELECT count(*) > 0 AND NOT bool_or(EXISTS (
             SELECT FROM {} WHERE (transaction_id, event_id) > (c.transaction_id, c.event_id))) AS consumed
           FROM consumers c"""
    ).format(sql.Identifier(name))
    [row] = connection.execute(query).fetchall()
    return bool(row["consumed"])
